"""The client side of everything that netd serves, blocking and for asyncio: import the module that you need."""
