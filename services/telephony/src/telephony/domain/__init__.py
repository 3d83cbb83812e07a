"""What calls, legs, stations and CDRs are and when they change. Pure: no clock, no SQL, no network."""
