package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.LocationInfo;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/** Table of locations (shuckle.md section 4.4). Location 0 exists from the start. */
final class Locations {
  /** One answer of AllShards lists 1280 rows of every location and can have 65,535 of them. */
  static final int COUNT_MAX =
      ProtocolConstants.MAX_LIST_LENGTH / (ProtocolConstants.SHARD_COUNT * Replicas.PER_GROUP);

  private static final byte[] FIRST_NAME = "default".getBytes(StandardCharsets.US_ASCII);

  private final NavigableMap<Integer, byte[]> names = new TreeMap<>();

  static Locations load(View view) {
    Locations locations = new Locations();
    locations.names.put(ProtocolConstants.DEFAULT_LOCATION, FIRST_NAME);
    Tables.scan(
        view,
        Tables.LOCATION,
        (key, value) -> {
          byte[] name = new byte[value.remaining()];
          value.get(name);
          locations.names.put(key.get() & 0xff, name);
        });
    return locations;
  }

  Iterable<Integer> ids() {
    return names.keySet();
  }

  List<LocationInfo> list() {
    List<LocationInfo> list = new ArrayList<>(names.size());
    names.forEach((id, name) -> list.add(new LocationInfo(id, name)));
    return list;
  }

  void create(int id, byte[] name, WriteTarget out) throws EggsException {
    if (id == ProtocolConstants.INVALID_LOCATION) {
      throw new EggsException(ErrorCode.MALFORMED_REQUEST);
    }
    if (names.containsKey(id)) {
      throw new EggsException(ErrorCode.LOCATION_EXISTS);
    }
    if (names.size() >= COUNT_MAX) {
      throw new EggsException(ErrorCode.INTERNAL_ERROR);
    }
    put(id, name, out);
  }

  void rename(int id, byte[] name, WriteTarget out) throws EggsException {
    if (!names.containsKey(id)) {
      throw new EggsException(ErrorCode.LOCATION_NOT_FOUND);
    }
    put(id, name, out);
  }

  private void put(int id, byte[] name, WriteTarget out) {
    names.put(id, name);
    ByteBuffer value = Tables.value(name.length).put(name);
    out.put(new byte[] {Tables.LOCATION, (byte) id}, value.array());
  }
}
