"""A kind whose service uses a library of asyncio, as one of a third party might."""
