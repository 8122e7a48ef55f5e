/**
 * The shuckle's state machine (shuckle.md): pure, without clock, randomness, threads, sockets or
 * files. {@link org.eggsfs.shuckle.state.ShuckleState} is the entry; each table has a class that
 * owns its keys and values.
 *
 * <table>
 * <caption>Rows of the store; the first byte of a key names the table</caption>
 * <tr><th>table</th><th>key</th><th>value</th></tr>
 * <tr><td>L locations</td><td>id</td><td>name</td></tr>
 * <tr><td>S shards, C CDC, R shuckle</td><td>location, group, replica</td><td>leader, seen,
 * addresses</td></tr>
 * <tr><td>B block services</td><td>id, 8 bytes big-endian</td><td>FullBlockServiceInfo</td></tr>
 * <tr><td>A assignment</td><td>shard</td><td>ids, 8 bytes each</td></tr>
 * <tr><td>D automatic decommissioning</td><td>–</td><td>time of the last one</td></tr>
 * </table>
 *
 * <p>Every value begins with a format byte, {@value org.eggsfs.shuckle.state.Tables#FORMAT};
 * numbers are little-endian.
 */
package org.eggsfs.shuckle.state;
