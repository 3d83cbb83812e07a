"""Calls and legs: WebRTC, media forwarding, prompts, digits, CDR facts."""
