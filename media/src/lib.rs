//! RTP engine: worker threads, port pool, recorder, prompts.
