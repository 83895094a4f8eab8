"""Parts that several screens have: lines of coloured text, header, footer, prompt, dialogs."""
