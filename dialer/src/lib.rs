//! Agent states and, later, queues, campaigns and pacing.
