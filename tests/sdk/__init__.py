"""The contract of the clients that programs elsewhere copy: the README of this folder."""
