package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.HexFormat;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.junit.jupiter.api.Test;

/** Goal: policies as operators write them become the bytes of wire.md section 5, and back. */
class PoliciesTest {
  private static void bothWays(int tag, String json, String hex) throws Exception {
    byte[] body = Policies.encode(tag, json);
    assertEquals(hex, HexFormat.of().formatHex(body));
    assertEquals(
        new JsonMapper().readTree(json),
        new JsonMapper().readTree(Policies.decode(tag, body).toString()));
  }

  @Test
  void bytesOfTheManual() throws Exception {
    bothWays(DirectoryInfoTag.SNAPSHOT, "{\"DeleteAfterTime\":\"720h\"}", "00004207693509800000");
    bothWays(
        DirectoryInfoTag.SNAPSHOT,
        "{\"DeleteAfterTime\":\"0h\",\"DeleteAfterVersions\":5}",
        "00000000000000800580");
    bothWays(
        DirectoryInfoTag.BLOCK,
        "{\"Entries\":[{\"StorageClass\":\"FLASH\",\"MinSize\":0},"
            + "{\"StorageClass\":\"HDD\",\"MinSize\":2498560}]}",
        "020003000000000200202600");
    bothWays(DirectoryInfoTag.STRIPE, "{\"TargetStripeSize\":1048576}", "00001000");
    bothWays(
        DirectoryInfoTag.SPAN,
        "{\"Entries\":[{\"MaxSize\":4997120,\"Parity\":[10,4]}]}",
        "0100" + "00404c004a");
  }

  @Test
  void storageClassesAsNumbers() throws Exception {
    byte[] named =
        Policies.encode(
            DirectoryInfoTag.BLOCK, "{\"Entries\":[{\"StorageClass\":\"hdd\",\"MinSize\":1}]}");
    byte[] numbered =
        Policies.encode(
            DirectoryInfoTag.BLOCK, "{\"Entries\":[{\"StorageClass\":2,\"MinSize\":1}]}");
    assertEquals(HexFormat.of().formatHex(named), HexFormat.of().formatHex(numbered));
  }

  @Test
  void nonsenseIsRefusedWithAReason() {
    refused(DirectoryInfoTag.SPAN, "{\"Entries\":[]}", "empty");
    refused(DirectoryInfoTag.SPAN, "{\"Entries\":[{\"MaxSize\":5000,\"Parity\":[1,4]}]}", "4096");
    refused(DirectoryInfoTag.SPAN, "{\"Entries\":[{\"MaxSize\":4096,\"Parity\":[0,4]}]}", "Parity");
    refused(
        DirectoryInfoTag.SPAN,
        "{\"Entries\":[{\"MaxSize\":8192,\"Parity\":[1,4]},{\"MaxSize\":4096,\"Parity\":[1,4]}]}",
        "rising");
    refused(
        DirectoryInfoTag.BLOCK,
        "{\"Entries\":[{\"StorageClass\":\"TAPE\",\"MinSize\":0}]}",
        "TAPE");
    refused(DirectoryInfoTag.STRIPE, "{\"TargetStripeSize\":0}", "TargetStripeSize");
    refused(DirectoryInfoTag.STRIPE, "{\"Size\":1}", "Size");
    refused(DirectoryInfoTag.SNAPSHOT, "{\"DeleteAfterTime\":\"soon\"}", "soon");
    refused(DirectoryInfoTag.SNAPSHOT, "{", "JSON");
  }

  private static void refused(int tag, String json, String reason) {
    CommandFailure failure =
        assertThrows(CommandFailure.class, () -> Policies.encode(tag, json), json);
    assertEquals(ExitCodes.USAGE, failure.exitCode());
    assertTrue(failure.getMessage().contains(reason), failure.getMessage());
  }

  @Test
  void bytesThatAreNoPolicyAreShownRaw() {
    assertEquals(
        "{\"Raw\":[1,2]}", Policies.decode(DirectoryInfoTag.STRIPE, new byte[] {1, 2}).toString());
    assertEquals("{\"Raw\":[255]}", Policies.decode(77, new byte[] {-1}).toString());
  }
}
