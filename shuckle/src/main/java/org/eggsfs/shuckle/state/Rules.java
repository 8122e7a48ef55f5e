package org.eggsfs.shuckle.state;

/**
 * Settings that decisions depend on. They travel inside the log entries, so that every replica
 * decides alike whatever its own command line says.
 *
 * @param stalenessDelayNanos who was not seen for so long may be replaced as leader
 * @param minAutoDecommissionIntervalNanos between two automatic decommissionings
 * @param unavailableDomainsMax an automatic decommissioning must leave fewer failure domains than
 *     this unreadable
 * @param enforceStableIp a registration must share an address with the previous one
 * @param enforceStableLeader leaders change by MOVE requests only
 */
public record Rules(
    long stalenessDelayNanos,
    long minAutoDecommissionIntervalNanos,
    int unavailableDomainsMax,
    boolean enforceStableIp,
    boolean enforceStableLeader) {}
