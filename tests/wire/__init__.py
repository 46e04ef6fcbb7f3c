"""Tests of described protocols: `[wire:NAME]`, and what drafts one."""
