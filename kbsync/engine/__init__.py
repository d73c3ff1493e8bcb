"""The asynchronous part: dispatch, pacing and backoff. It knows no provider and no HTTP library."""
