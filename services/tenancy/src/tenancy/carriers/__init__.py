"""Carriers that numbers come from, behind one port: `port` says what is asked, the other modules are carriers."""
