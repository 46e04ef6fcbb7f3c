"""One table of calls, made over everything that netd can be called through: the same outcome everywhere."""
