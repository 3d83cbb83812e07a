"""SIP peers in calls: trunks that calls come from and go to, and agents' desk phones.

`edge` sets the user agent up; `roster` knows the trunks, keeps them registered and pinged; `outgoing` and `incoming`
turn invitations into legs of calls; `phones` lets desk phones sign in, ring and dial.
"""
