"""The families that numbers are chosen by. They share no voice and no sentence: each can judge what the other chose."""

from __future__ import annotations

import amd_first
import amd_second

FAMILIES = (amd_first.FAMILY, amd_second.FAMILY)
