package org.eggsfs.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.junit.jupiter.api.Test;

/** Who knows what, by a server whose every answer the test says. */
final class KindSupportTest {
  private final List<String> questions = new ArrayList<>();
  private final ArrayDeque<ErrorCode> answers = new ArrayDeque<>();
  private final List<Runnable> background = new ArrayList<>();

  private final KindSupport.Server server =
      new KindSupport.Server() {
        @Override
        public void ask() throws EggsException {
          answer("ask");
        }

        @Override
        public void greet() throws EggsException {
          answer("greet");
        }
      };

  private void answer(String question) throws EggsException {
    questions.add(question);
    throw new EggsException(answers.removeFirst());
  }

  private KindSupport support(long lackingNanos) {
    return new KindSupport(server, background::add, lackingNanos);
  }

  private void expectQuestions(String... expected) {
    assertEquals(List.of(expected), questions);
    questions.clear();
  }

  @Test
  void anyAnswerButSilenceMeansThatItKnows() throws Exception {
    KindSupport support = support(TimeUnit.HOURS.toNanos(1));
    answers.add(ErrorCode.MALFORMED_REQUEST);
    assertTrue(support.isKnown());
    assertTrue(support.isKnown());
    expectQuestions("ask");
  }

  @Test
  void silenceCountsOnlyBesideAnAnswer() throws Exception {
    KindSupport support = support(TimeUnit.HOURS.toNanos(1));
    answers.addAll(List.of(ErrorCode.TIMEOUT, ErrorCode.TIMEOUT));
    EggsException e = assertThrows(EggsException.class, support::isKnown);
    assertEquals(ErrorCode.TIMEOUT, e.code());
    expectQuestions("ask", "greet");
    // It was down; then it knows.
    answers.addAll(
        List.of(ErrorCode.TIMEOUT, ErrorCode.EDGE_NOT_FOUND, ErrorCode.MALFORMED_REQUEST));
    assertTrue(support.isKnown());
    expectQuestions("ask", "greet", "ask");
  }

  @Test
  void whatItLacksIsLookedForAgainWithoutWaiting() throws Exception {
    KindSupport support = support(-1);
    answers.addAll(List.of(ErrorCode.TIMEOUT, ErrorCode.EDGE_NOT_FOUND, ErrorCode.TIMEOUT));
    assertFalse(support.isKnown());
    expectQuestions("ask", "greet", "ask");
    assertFalse(support.isKnown());
    expectQuestions();
    assertEquals(1, background.size());
    // It cannot be reached now: as before.
    answers.addAll(List.of(ErrorCode.TIMEOUT, ErrorCode.TIMEOUT));
    background.removeFirst().run();
    assertFalse(support.isKnown());
    answers.add(ErrorCode.MALFORMED_REQUEST);
    background.removeFirst().run();
    assertTrue(support.isKnown());
    assertTrue(background.isEmpty());
  }

  @Test
  void itIsAskedOnceWhileItLacks() throws Exception {
    KindSupport support = support(TimeUnit.HOURS.toNanos(1));
    answers.addAll(List.of(ErrorCode.TIMEOUT, ErrorCode.EDGE_NOT_FOUND, ErrorCode.TIMEOUT));
    assertFalse(support.isKnown());
    assertFalse(support.isKnown());
    assertTrue(background.isEmpty());
  }

  @Test
  void doubtAsksAgain() throws Exception {
    KindSupport support = support(TimeUnit.HOURS.toNanos(1));
    answers.add(ErrorCode.MALFORMED_REQUEST);
    assertTrue(support.isKnown());
    support.doubt();
    answers.addAll(List.of(ErrorCode.TIMEOUT, ErrorCode.EDGE_NOT_FOUND, ErrorCode.TIMEOUT));
    assertFalse(support.isKnown());
  }
}
