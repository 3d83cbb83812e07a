"""Columns as most of tenancy's tables have them."""

from __future__ import annotations

from chassis.sql import Time
from sqlalchemy import BigInteger, Column, Text


def text(name: str, *, key: bool = False) -> Column[str]:
    """Text, never null; part of the key if it is one."""
    return Column(name, Text, primary_key=True) if key else Column(name, Text, nullable=False)


def time(name: str, *, optional: bool = False) -> Column[object]:
    """A moment."""
    return Column(name, Time, nullable=optional)


def count(name: str, *, key: bool = False) -> Column[int]:
    """A whole number, never null."""
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)
