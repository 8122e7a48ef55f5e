package org.eggsfs.generator;

import java.util.List;

/** Knows, for every schema type, its Java type and the statements that encode and decode it. */
final class Codecs {
  private final Schema schema;

  Codecs(Schema schema) {
    this.schema = schema;
  }

  /** The wire primitive behind a scalar or primitive type, or null for structs, unions, lists. */
  private String primitive(String type) {
    if (schema.scalars.containsKey(type)) {
      return schema.scalars.get(type);
    }
    return switch (type) {
      case "bool", "u8", "u16", "u32", "u64", "fixed4", "fixed8", "fixed16", "bytes", "string" ->
          type;
      default -> null;
    };
  }

  static boolean isList(String type) {
    return type.startsWith("[]");
  }

  static String element(String type) {
    return type.substring(2);
  }

  String javaType(String type) {
    if (isList(type)) {
      return switch (javaType(element(type))) {
        case "long" -> "long[]";
        case "int" -> "int[]";
        default -> "List<" + element(type) + ">";
      };
    }
    String primitive = primitive(type);
    if (primitive == null) {
      return type;
    }
    return switch (primitive) {
      case "bool" -> "boolean";
      case "u8", "u16", "fixed4" -> "int";
      case "u32" -> type.equals("Crc") ? "int" : "long";
      case "u64", "fixed8" -> "long";
      case "fixed16", "bytes", "string" -> "byte[]";
      default -> throw new IllegalArgumentException("unknown primitive " + primitive);
    };
  }

  boolean isArray(String type) {
    return javaType(type).endsWith("[]");
  }

  /** The least number of bytes a value takes on the wire. */
  int minimumSize(String type) {
    if (isList(type)) {
      return 2;
    }
    String primitive = primitive(type);
    if (primitive != null) {
      return switch (primitive) {
        case "bool", "u8", "bytes", "string" -> 1;
        case "u16" -> 2;
        case "u32", "fixed4" -> 4;
        case "u64", "fixed8" -> 8;
        case "fixed16" -> 16;
        default -> throw new IllegalArgumentException("unknown primitive " + primitive);
      };
    }
    Schema.Union union = schema.unions.get(type);
    if (union != null) {
      return union.cases().stream().mapToInt(c -> minimumSize(c.type())).min().orElseThrow();
    }
    return minimumSize(schema.structs.get(type).fields());
  }

  int minimumSize(List<Schema.Field> fields) {
    return fields.stream().mapToInt(field -> minimumSize(field.type())).sum();
  }

  boolean isFixedSize(String type) {
    if (isList(type)) {
      return false;
    }
    String primitive = primitive(type);
    if (primitive != null) {
      return !primitive.equals("bytes") && !primitive.equals("string");
    }
    return schema.structs.containsKey(type)
        && schema.structs.get(type).fields().stream().allMatch(f -> isFixedSize(f.type()));
  }

  /** An expression for the encoded size of {@code value} beyond its {@link #minimumSize}. */
  String extraSize(String type, String value) {
    if (isList(type)) {
      String element = element(type);
      if (isArray(type)) {
        return minimumSize(element) + " * " + value + ".length";
      }
      if (isFixedSize(element)) {
        return minimumSize(element) + " * " + value + ".size()";
      }
      return "Wire.sizeOf(" + value + ")";
    }
    if (isFixedSize(type)) {
      return null;
    }
    if (primitive(type) != null) {
      return value + ".length";
    }
    return value + ".encodedSize() - " + minimumSize(type);
  }

  String encode(String type, String value) {
    if (isList(type)) {
      return switch (javaType(type)) {
        case "long[]" -> "Wire.putLongs(out, " + value + ");";
        case "int[]" -> "Wire.putInts(out, " + value + ");";
        default -> "Wire.putList(out, " + value + ");";
      };
    }
    String primitive = primitive(type);
    if (primitive == null) {
      return value + ".encode(out);";
    }
    return switch (primitive) {
      case "bool" -> "out.put((byte) (" + value + " ? 1 : 0));";
      case "u8" -> "out.put((byte) " + value + ");";
      case "u16" -> "out.putShort((short) " + value + ");";
      case "u32" -> "out.putInt(" + (type.equals("Crc") ? "" : "(int) ") + value + ");";
      case "u64", "fixed8" -> "out.putLong(" + value + ");";
      case "fixed4" -> "Wire.putIp(out, " + value + ");";
      case "fixed16" -> "Wire.putFixed16(out, " + value + ");";
      default -> "Wire.putBytes(out, " + value + ");";
    };
  }

  /** An expression that reads a value; unions are read by their struct (see Generator). */
  String decode(String type) {
    if (isList(type)) {
      String element = element(type);
      return switch (javaType(type)) {
        case "long[]" -> element.equals("InodeId") ? "Wire.getInodeIds(in)" : "Wire.getLongs(in)";
        case "int[]" -> "Wire.getInts(in)";
        default -> "Wire.getList(in, " + minimumSize(element) + ", " + element + "::decode)";
      };
    }
    String primitive = primitive(type);
    if (primitive == null) {
      return type + ".decode(in)";
    }
    return switch (type) {
      case "InodeId" -> "Wire.getInodeId(in)";
      case "InodeIdExtra" -> "Wire.getInodeIdExtra(in)";
      case "ShardReplicaId" -> "Wire.getShardReplicaId(in)";
      case "Crc" -> "Wire.getInt(in)";
      default ->
          switch (primitive) {
            case "bool" -> "Wire.getBool(in)";
            case "u8" -> "Wire.getU8(in)";
            case "u16" -> "Wire.getU16(in)";
            case "u32" -> "Wire.getU32(in)";
            case "u64", "fixed8" -> "Wire.getLong(in)";
            case "fixed4" -> "Wire.getIp(in)";
            case "fixed16" -> "Wire.getFixed16(in)";
            default -> "Wire.getBytes(in)";
          };
    };
  }
}
