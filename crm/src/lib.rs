//! Leads, calls, agents, policy, the journal and the store.
