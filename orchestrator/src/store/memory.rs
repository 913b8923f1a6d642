//! A store in memory, for simulation and for tests of the driver.
