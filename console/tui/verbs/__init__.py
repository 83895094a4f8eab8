"""What actions on a table do: each verb asks what it must, then acts through the API and says what it did."""
