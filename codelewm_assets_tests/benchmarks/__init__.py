"""Tests of reading benchmarks: releases, wheel, Hub, stand-in."""
