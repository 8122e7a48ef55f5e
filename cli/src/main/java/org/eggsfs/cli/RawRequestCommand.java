package org.eggsfs.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.util.stream.Collectors;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.Message;
import picocli.CommandLine.Option;

/** Common to {@code shard-req} and {@code cdc-req}: any request as JSON, its answer as JSON. */
abstract class RawRequestCommand extends ClientCommand {
  @Option(
      names = "--kind",
      required = true,
      paramLabel = "NAME",
      description = "The request, e.g. STAT_FILE; 'help' lists all.")
  private String kind;

  @Option(names = "--req", paramLabel = "JSON", description = "Its fields; missing ones are zero.")
  private String request = "{}";

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask before a request that changes something.")
  private boolean yes;

  /** The name of the service in the schema. */
  abstract String service();

  /** Sends a decoded request. */
  abstract Message send(EggsClient client, int kindNumber, ByteBuffer body) throws Exception;

  @Override
  public Integer call() throws Exception {
    if (kind.equals("help")) {
      for (MessageJson.Message message : MessageJson.load().messages(service())) {
        out.println(
            message.kindName()
                + " "
                + message.request().stream()
                    .map(field -> field.jsonName() + ":" + field.type())
                    .collect(Collectors.joining(" ")));
      }
      return ExitCodes.OK;
    }
    return super.call();
  }

  @Override
  int run(EggsClient client) throws Exception {
    MessageJson messages = MessageJson.load();
    MessageJson.Message message =
        messages
            .find(service(), kind)
            .orElseThrow(
                () ->
                    new CommandFailure(
                        ExitCodes.USAGE,
                        "no " + service() + " request '" + kind + "'; --kind help lists all"));
    ByteBuffer body;
    try {
      JsonNode json = new JsonMapper().readTree(request);
      body = messages.encodeRequest(message, json);
    } catch (JsonProcessingException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--req is no JSON: " + e.getOriginalMessage());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--req: " + e.getMessage());
    }
    if (!message.readOnly()) {
      Confirmation.ask(
          yes,
          message.kindName()
              + " "
              + messages.decodeRequest(message, body.duplicate()).toPrettyString());
    }
    try {
      Message answer = send(client, message.kind(), body);
      ByteBuffer bytes = Frames.buffer(answer.encodedSize());
      answer.encode(bytes);
      print(messages.decodeResponse(message, bytes.flip()));
      return ExitCodes.OK;
    } catch (MalformedMessageException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--req: " + e.getMessage());
    } catch (EggsException e) {
      throw new CommandFailure(message.kindName() + ": " + e.code().name());
    }
  }
}
