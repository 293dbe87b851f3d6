//! Test kit: scripted phones, virtual network, clock and databases.
