package org.eggsfs.generator;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Writes one immutable record per message and struct, sealed interfaces and kind constants per
 * service, the error codes and the constants. Everything it writes is a function of the schema.
 */
public final class Generator {
  private static final String ROOT = "org.eggsfs.protocol";
  private static final String STRUCTS = ROOT + ".struct";

  private final Schema schema;
  private final Codecs codecs;
  private final Path out;

  private Generator(Schema schema, Path out) {
    this.schema = schema;
    this.codecs = new Codecs(schema);
    this.out = out;
  }

  /** Arguments: the schema file, the directory that the Java sources go to. */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException("usage: Generator SCHEMA OUTPUT_DIRECTORY");
    }
    Path schemaFile = Path.of(args[0]);
    Schema schema = new Schema(new ObjectMapper().readTree(schemaFile.toFile()));
    new Generator(schema, Path.of(args[1])).run();
  }

  private void run() throws IOException {
    write(ROOT, "package-info", "/** Generated part of the protocol. */\n", "");
    writeErrorCodes();
    writeConstants();
    for (Schema.Constants constants : schema.enums.values()) {
      writeEnum(constants);
    }
    writePackageInfo(
        STRUCTS, "Structs shared by messages of several services (wire.md section 4).");
    for (Schema.Struct struct : schema.structs.values()) {
      writeRecord(
          STRUCTS, struct.name(), struct.doc(), struct.fields(), unionsOf(struct.name()), 0);
    }
    for (Schema.Union union : schema.unions.values()) {
      writeUnion(union);
    }
    for (Schema.Service service : schema.services) {
      writeService(service);
    }
  }

  private String unionsOf(String struct) {
    String unions =
        schema.unions.values().stream()
            .filter(u -> u.cases().stream().anyMatch(c -> c.type().equals(struct)))
            .map(Schema.Union::name)
            .collect(Collectors.joining(", "));
    return unions.isEmpty() ? "Message" : unions;
  }

  private void writeService(Schema.Service service) throws IOException {
    String title = capitalise(service.name());
    String pkg = ROOT + "." + service.name();
    writePackageInfo(pkg, "Messages of the " + service.name() + " service (wire.md section 11).");
    for (Schema.Message message : service.messages()) {
      writeRecord(
          pkg,
          message.recordName() + "Request",
          "Request: " + message.doc(),
          message.request(),
          title + "Request",
          message.kind());
      writeRecord(
          pkg,
          message.recordName() + "Response",
          "Response to {@link " + message.recordName() + "Request}.",
          message.response(),
          title + "Response",
          message.kind());
    }
    writeSealed(pkg, title, "Request", service);
    writeSealed(pkg, title, "Response", service);
    writeKinds(pkg, title, service);
  }

  private void writeSealed(String pkg, String title, String direction, Schema.Service service)
      throws IOException {
    String type = title + direction;
    StringBuilder s = new StringBuilder();
    s.append("/** Any ")
        .append(direction.toLowerCase(Locale.ROOT))
        .append(" of this service. */\n");
    s.append("public sealed interface ").append(type).append(" extends Message permits ");
    s.append(
        service.messages().stream()
            .map(m -> m.recordName() + direction)
            .collect(Collectors.joining(",\n    ")));
    s.append(" {\n");
    s.append("  /** The kind number on the wire. */\n  int kind();\n\n");
    s.append(
        "  /** Decodes the body of a message of that kind. Trailing bytes are left unread. */\n");
    s.append("  static ").append(type).append(" decode(int kind, ByteBuffer in) {\n");
    s.append("    return switch (kind) {\n");
    for (Schema.Message message : service.messages()) {
      s.append("      case ").append(message.kind()).append(" -> ");
      s.append(message.recordName()).append(direction).append(".decode(in);\n");
    }
    s.append("      default -> throw new MalformedMessageException(\"unknown kind \" + kind);\n");
    s.append("    };\n  }\n}\n");
    write(pkg, type, s.toString(), messageImports());
  }

  private void writeKinds(String pkg, String title, Schema.Service service) throws IOException {
    String type = title + "Kind";
    StringBuilder s = new StringBuilder();
    s.append("/** Kind numbers of the ").append(service.name()).append(" service. */\n");
    s.append("public final class ").append(type).append(" {\n");
    for (Schema.Message message : service.messages()) {
      s.append("  /** ").append(message.doc()).append(" */\n");
      s.append("  public static final int ").append(upperSnake(message.name()));
      s.append(" = ").append(message.kind()).append(";\n");
    }
    s.append("\n  private ").append(type).append("() {}\n\n");
    s.append("  /** The upper-case name of a kind, or its number when unknown. */\n");
    s.append("  public static String name(int kind) {\n    return switch (kind) {\n");
    for (Schema.Message m : service.messages()) {
      s.append("      case ").append(m.kind()).append(" -> \"");
      s.append(upperSnake(m.name())).append("\";\n");
    }
    s.append("      default -> \"KIND_\" + kind;\n    };\n  }\n\n");
    s.append("  /** The kind with an upper-case name, -1 when there is none. */\n");
    s.append("  public static int byName(String name) {\n    return switch (name) {\n");
    for (Schema.Message m : service.messages()) {
      s.append("      case \"").append(upperSnake(m.name())).append("\" -> ");
      s.append(m.kind()).append(";\n");
    }
    s.append("      default -> -1;\n    };\n  }\n");
    String readOnly =
        service.messages().stream()
            .filter(Schema.Message::readOnly)
            .map(m -> String.valueOf(m.kind()))
            .collect(Collectors.joining(", "));
    if (!readOnly.isEmpty()) {
      s.append("\n  /** Whether the request changes nothing. */\n");
      s.append("  public static boolean isReadOnly(int kind) {\n    return switch (kind) {\n");
      s.append("      case ").append(readOnly).append(" -> true;\n");
      s.append("      default -> false;\n    };\n  }\n");
    }
    s.append("\n  /** Whether only the signed channel may carry the request (wire.md 3.2). */\n");
    s.append(
        "  public static boolean isPrivileged(int kind) {\n    return kind >= 0x80;\n  }\n}\n");
    write(pkg, type, s.toString(), "");
  }

  private void writeUnion(Schema.Union union) throws IOException {
    String types =
        union.cases().stream().map(Schema.UnionCase::type).collect(Collectors.joining(", "));
    write(
        STRUCTS,
        union.name(),
        "/** "
            + union.doc()
            + " */\npublic sealed interface "
            + union.name()
            + " extends Message permits "
            + types
            + " {}\n",
        "import " + ROOT + ".Message;\n");
  }

  private void writeRecord(
      String pkg, String name, String doc, List<Schema.Field> fields, String parent, int kind)
      throws IOException {
    StringBuilder s = new StringBuilder();
    s.append("/**\n * ").append(doc).append("\n");
    for (Schema.Field field : fields) {
      s.append(" *\n * @param ").append(field.name()).append(" ");
      s.append(field.doc().isEmpty() ? "of type " + field.type() : field.doc()).append("\n");
    }
    s.append(" */\npublic record ").append(name).append("(");
    s.append(
        fields.stream()
            .map(f -> codecs.javaType(f.type()) + " " + f.name())
            .collect(Collectors.joining(", ")));
    s.append(") implements ").append(parent).append(" {\n");
    writeDecode(s, name, fields);
    writeSizeAndEncode(s, fields);
    if (kind != 0) {
      s.append("  @Override\n  public int kind() {\n    return ").append(kind).append(";\n  }\n");
    }
    if (fields.stream().anyMatch(f -> codecs.isArray(f.type()))) {
      writeValueMethods(s, name, fields);
    }
    s.append("}\n");
    write(pkg, name, s.toString(), messageImports());
  }

  private void writeDecode(StringBuilder s, String name, List<Schema.Field> fields) {
    s.append("  /** Reads the fields in wire order. */\n");
    s.append("  public static ").append(name).append(" decode(ByteBuffer in) {\n");
    for (Schema.Field field : fields) {
      Schema.Union union = schema.unions.get(field.type());
      s.append(union == null ? "" : unionCheck(union));
      s.append("    ").append(codecs.javaType(field.type())).append(" ").append(field.name());
      s.append(" = ");
      s.append(union == null ? codecs.decode(field.type()) : decodeUnion(union)).append(";\n");
    }
    s.append("    return new ").append(name).append("(");
    s.append(fields.stream().map(Schema.Field::name).collect(Collectors.joining(", ")));
    s.append(");\n  }\n\n");
  }

  /** Cases in turn; the last one is taken when the check before it has let the selector pass. */
  private String decodeUnion(Schema.Union union) {
    String selector = union.selector() + "()";
    StringBuilder s = new StringBuilder();
    int last = union.cases().size() - 1;
    for (Schema.UnionCase unionCase : union.cases().subList(0, last)) {
      s.append(condition(selector, unionCase)).append(" ? ");
      s.append(unionCase.type()).append(".decode(in) : ");
    }
    return s.append(union.cases().get(last).type()).append(".decode(in)").toString();
  }

  private String unionCheck(Schema.Union union) {
    String selector = union.selector() + "()";
    return "    Wire.requireSelector("
        + union.cases().stream()
            .map(c -> condition(selector, c))
            .collect(Collectors.joining(" || "))
        + ");\n";
  }

  private String condition(String selector, Schema.UnionCase unionCase) {
    String first = unionCase.values().getFirst();
    if (first.equals("true")) {
      return selector;
    }
    if (first.equals("false")) {
      return "!" + selector;
    }
    Map<String, Long> values = schema.enums.get("StorageClass").values();
    return selector + (unionCase.orGreater() ? " >= " : " == ") + values.get(first);
  }

  private void writeSizeAndEncode(StringBuilder s, List<Schema.Field> fields) {
    s.append("  @Override\n  public int encodedSize() {\n    return ");
    s.append(codecs.minimumSize(fields));
    for (Schema.Field field : fields) {
      String extra = codecs.extraSize(field.type(), field.name());
      if (extra != null) {
        s.append("\n        + ").append(extra);
      }
    }
    s.append(";\n  }\n\n  @Override\n  public void encode(ByteBuffer out) {\n");
    for (Schema.Field field : fields) {
      s.append("    ").append(codecs.encode(field.type(), field.name())).append("\n");
    }
    s.append("  }\n");
  }

  private void writeValueMethods(StringBuilder s, String name, List<Schema.Field> fields) {
    s.append(
        "\n  @Override\n  public boolean equals(Object other) {\n    return other instanceof ");
    s.append(name).append(" that");
    for (Schema.Field field : fields) {
      String type = codecs.javaType(field.type());
      String n = field.name();
      s.append("\n        && ");
      switch (type) {
        case "boolean", "int", "long" -> s.append(n).append(" == that.").append(n);
        default -> {
          String equals = codecs.isArray(field.type()) ? "Arrays.equals(" : "Objects.equals(";
          s.append(equals).append(n).append(", that.").append(n).append(")");
        }
      }
    }
    s.append(";\n  }\n\n  @Override\n  public int hashCode() {\n    int hash = 1;\n");
    for (Schema.Field field : fields) {
      String hash = codecs.isArray(field.type()) ? "Arrays.hashCode(" : "Objects.hashCode(";
      s.append("    hash = 31 * hash + ").append(hash).append(field.name()).append(");\n");
    }
    s.append("    return hash;\n  }\n\n  @Override\n  public String toString() {\n    return \"");
    s.append(name).append("[\"");
    String separator = "";
    for (Schema.Field field : fields) {
      s.append("\n        + \"").append(separator).append(field.name()).append("=\" + ");
      s.append(codecs.isArray(field.type()) ? "Wire.text(" + field.name() + ")" : field.name());
      separator = ", ";
    }
    s.append("\n        + \"]\";\n  }\n");
  }

  private void writeErrorCodes() throws IOException {
    StringBuilder s = new StringBuilder();
    s.append("/** Error codes on the wire (wire.md section 12). Numbers are append-only. */\n");
    s.append("public enum ErrorCode {\n");
    for (Schema.ErrorCode error : schema.errors) {
      s.append("  /** ").append(error.doc()).append(" */\n  ").append(error.name());
      s.append("(").append(error.code()).append("),\n");
    }
    s.append("  ;\n\n  private static final ErrorCode[] BY_CODE = new ErrorCode[256];\n\n");
    s.append("  static {\n    for (ErrorCode error : values()) {\n");
    s.append("      BY_CODE[error.code] = error;\n    }\n  }\n\n  private final int code;\n\n");
    s.append("  ErrorCode(int code) {\n    this.code = code;\n  }\n\n");
    s.append("  /** The number on the wire. */\n  public int code() {\n    return code;\n  }\n\n");
    s.append("  /** The error with that number, null when unknown. */\n");
    s.append("  public static ErrorCode ofCode(int code) {\n");
    s.append("    return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;\n  }\n}\n");
    write(ROOT, "ErrorCode", s.toString(), "");
  }

  private void writeEnum(Schema.Constants constants) throws IOException {
    StringBuilder s = new StringBuilder();
    s.append("/** ").append(constants.doc()).append(" */\n");
    s.append("public final class ").append(constants.name()).append(" {\n");
    constants
        .values()
        .forEach(
            (name, value) ->
                s.append("  /** Value ")
                    .append(value)
                    .append(". */\n  public static final int ")
                    .append(name)
                    .append(" = ")
                    .append(value)
                    .append(";\n"));
    s.append("\n  private ").append(constants.name()).append("() {}\n\n");
    s.append("  /** Text form: ");
    s.append(constants.flags() ? "names joined by |, 0 for none" : "the name, or the number");
    s.append(". */\n  public static String name(int value) {\n");
    if (constants.flags()) {
      s.append("    StringBuilder names = new StringBuilder();\n    int rest = value;\n");
      constants
          .values()
          .forEach(
              (name, value) -> {
                s.append("    if ((value & ").append(value).append(") != 0) {\n");
                s.append("      names.append(names.isEmpty() ? \"\" : \"|\").append(\"");
                s.append(name).append("\");\n      rest &= ~").append(value).append(";\n    }\n");
              });
      s.append("    if (rest != 0) {\n");
      s.append("      names.append(names.isEmpty() ? \"\" : \"|\").append(rest);\n    }\n");
      s.append("    return names.isEmpty() ? \"0\" : names.toString();\n");
    } else {
      s.append("    return switch (value) {\n");
      constants
          .values()
          .forEach(
              (name, value) ->
                  s.append("      case ")
                      .append(value)
                      .append(" -> \"")
                      .append(name)
                      .append("\";\n"));
      s.append("      default -> String.valueOf(value);\n    };\n");
    }
    s.append("  }\n\n  /** The value with that name, -1 when there is none. */\n");
    s.append("  public static int byName(String name) {\n    return switch (name) {\n");
    constants
        .values()
        .forEach(
            (name, value) ->
                s.append("      case \"")
                    .append(name)
                    .append("\" -> ")
                    .append(value)
                    .append(";\n"));
    s.append("      default -> -1;\n    };\n  }\n}\n");
    write(ROOT, constants.name(), s.toString(), "");
  }

  private void writeConstants() throws IOException {
    StringBuilder s = new StringBuilder();
    s.append("/** Constants of the protocol (wire.md section 2.4). */\n");
    s.append("public final class ProtocolConstants {\n");
    StringBuilder keys = new StringBuilder();
    schema.constants.forEach(
        (name, value) -> {
          if (name.startsWith("KEY_")) {
            keys.append("\n  /** The public default of this key; a fresh copy. */\n");
            keys.append("  public static byte[] ").append(lowerCamel(name)).append("() {\n");
            keys.append("    return HexFormat.of().parseHex(\"").append(value);
            keys.append("\");\n  }\n");
          } else if (name.endsWith("INODE_ID")) {
            s.append("  /** See wire.md. */\n  public static final long ").append(name);
            s.append(" = ").append(value).append("L;\n");
          } else {
            s.append("  /** See wire.md. */\n  public static final int ").append(name);
            s.append(" = ").append(value).append(";\n");
          }
        });
    s.append("\n  private ProtocolConstants() {}\n").append(keys).append("}\n");
    write(ROOT, "ProtocolConstants", s.toString(), "import java.util.HexFormat;\n");
  }

  private void writePackageInfo(String pkg, String doc) throws IOException {
    write(pkg, "package-info", "/** " + doc + " */\n", "");
  }

  private static String messageImports() {
    return "import java.nio.ByteBuffer;\nimport java.util.Arrays;\nimport java.util.List;\n"
        + "import java.util.Objects;\nimport org.eggsfs.protocol.MalformedMessageException;\n"
        + "import org.eggsfs.protocol.Message;\nimport org.eggsfs.protocol.Wire;\n"
        + "import org.eggsfs.protocol.struct.*;\n";
  }

  private void write(String pkg, String name, String body, String imports) throws IOException {
    Path directory = out.resolve(pkg.replace('.', '/'));
    Files.createDirectories(directory);
    String header = "// Generated from messages.json by org.eggsfs.generator. Do not edit.\n";
    boolean info = name.equals("package-info");
    if (info && pkg.equals(ROOT)) {
      return;
    }
    String text =
        info
            ? header + body + "package " + pkg + ";\n"
            : header + "package " + pkg + ";\n\n" + imports + "\n" + body;
    Path file = directory.resolve(name + ".java");
    // An unchanged file keeps its time stamp, so that incremental builds stay incremental.
    if (!Files.exists(file) || !Files.readString(file).equals(text)) {
      Files.writeString(file, text);
    }
  }

  private static String capitalise(String name) {
    return Character.toUpperCase(name.charAt(0)) + name.substring(1);
  }

  private static String upperSnake(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT);
  }

  private static String lowerCamel(String upperSnake) {
    String[] parts = upperSnake.toLowerCase(Locale.ROOT).split("_", -1);
    StringBuilder s = new StringBuilder(parts[0]);
    for (int i = 1; i < parts.length; i++) {
      s.append(capitalise(parts[i]));
    }
    return s.toString();
  }
}
