"""Finding hosts on the local network: `_quarterdeck._tcp.local.` over mDNS. The only importer of zeroconf.

What comes off the wire may be hostile: records are bounded in size and number, cleaned of control characters and
keyed by the fingerprint that they claim, which only adoption proves. mDNS is link-local and says nothing when a host
dies: whether one is alive is a matter of heartbeats.
"""

from .mdns import Advertiser, Browser
from .record import Advertisement, SeenHost

__all__ = ["Advertisement", "Advertiser", "Browser", "SeenHost"]
