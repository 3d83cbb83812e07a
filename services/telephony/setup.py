"""What pyproject.toml can't say: the C part, by cffi."""

from setuptools import setup

setup(cffi_modules=["lanes_build.py:ffi"])
