package org.eggsfs.sim.defect;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.ThrowInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A change of one method of a compiled class. Each edit counts what it has changed, so that one
 * that finds nothing any more, because the code has moved on, is noticed.
 */
final class Edit {
  private static final String ERROR_CODE = "org/eggsfs/protocol/ErrorCode";

  /** Writes what shall stand in place of an instruction. */
  private interface Rewriter {
    /** Returns whether the instruction was replaced. */
    boolean rewrite(CodeBuilder code, CodeElement element);
  }

  private final String className;
  private final String method;
  private final Rewriter rewriter;
  private int count;

  private Edit(String className, String method, Rewriter rewriter) {
    this.className = className;
    this.method = method;
    this.rewriter = rewriter;
  }

  /** The class it changes. */
  String className() {
    return className;
  }

  /** Calls of a method, within another one, become calls of {@link Wrong}'s of that name. */
  static Edit redirect(String className, String method, String call, String wrong) {
    Method replacement =
        Arrays.stream(Wrong.class.getDeclaredMethods())
            .filter(candidate -> candidate.getName().equals(wrong))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("nothing is called " + wrong));
    List<ClassDesc> parameters = new ArrayList<>();
    for (Class<?> parameter : replacement.getParameterTypes()) {
      parameters.add(parameter.describeConstable().orElseThrow());
    }
    ClassDesc result = replacement.getReturnType().describeConstable().orElseThrow();
    return new Edit(
        className,
        method,
        (code, element) -> {
          if (!(element instanceof InvokeInstruction invoke) || !is(invoke, call)) {
            return false;
          }
          code.invokestatic(
              ClassDesc.of(Wrong.class.getName()), wrong, MethodTypeDesc.of(result, parameters));
          ClassDesc wanted = invoke.typeSymbol().returnType();
          if (!wanted.isPrimitive() && !wanted.equals(result)) {
            code.checkcast(wanted);
          }
          return true;
        });
  }

  private static boolean is(InvokeInstruction invoke, String call) {
    String owner = invoke.owner().asInternalName();
    return (owner.substring(owner.lastIndexOf('/') + 1) + "." + invoke.name().stringValue())
        .equals(call);
  }

  /** Calls of a method are left out; their result, if any, is {@code false} or 0. */
  static Edit leaveOut(String className, String method, String call) {
    return new Edit(
        className,
        method,
        (code, element) -> {
          if (!(element instanceof InvokeInstruction invoke) || !is(invoke, call)) {
            return false;
          }
          drop(code, invoke);
          ClassDesc result = invoke.typeSymbol().returnType();
          switch (TypeKind.from(result)) {
            case VOID -> {}
            case LONG -> code.lconst_0();
            case REFERENCE -> code.aconst_null();
            default -> code.iconst_0();
          }
          return true;
        });
  }

  private static void drop(CodeBuilder code, InvokeInstruction invoke) {
    for (ClassDesc parameter : invoke.typeSymbol().parameterList().reversed()) {
      if (TypeKind.from(parameter).slotSize() == 2) {
        code.pop2();
      } else {
        code.pop();
      }
    }
    if (invoke.opcode() != Opcode.INVOKESTATIC) {
      code.pop();
    }
  }

  /** A condition under which the method would give an error is not looked at. */
  static Edit ignore(String className, String method, String error) {
    boolean[] armed = {false};
    return new Edit(
        className,
        method,
        (code, element) -> {
          if (element instanceof FieldInstruction field
              && field.owner().asInternalName().equals(ERROR_CODE)) {
            armed[0] = field.name().equalsString(error);
          } else if (armed[0] && element instanceof ThrowInstruction) {
            armed[0] = false;
            code.pop();
            return true;
          } else if (armed[0]
              && element instanceof InvokeInstruction invoke
              && is(invoke, "Checks.require")) {
            armed[0] = false;
            drop(code, invoke);
            return true;
          }
          return false;
        });
  }

  /** Calls of a method get a last argument, a number of 64 bits, that is one too large. */
  static Edit oneMore(String className, String method, String call) {
    return new Edit(
        className,
        method,
        (code, element) -> {
          if (!(element instanceof InvokeInstruction invoke) || !is(invoke, call)) {
            return false;
          }
          code.lconst_1().ladd().with(invoke);
          return true;
        });
  }

  /** One field of the object is read in place of another one. */
  static Edit confuse(String className, String method, String field, String other, String type) {
    return new Edit(
        className,
        method,
        (code, element) -> {
          if (element instanceof FieldInstruction read
              && read.opcode() == Opcode.GETFIELD
              && read.name().equalsString(field)) {
            code.getfield(read.owner().asSymbol(), other, ClassDesc.of(type));
            return true;
          }
          return false;
        });
  }

  /** The class with the change. */
  byte[] apply(byte[] original) {
    ClassFile classFile = ClassFile.of();
    CodeTransform body =
        (code, element) -> {
          if (rewriter.rewrite(code, element)) {
            count++;
          } else {
            code.with(element);
          }
        };
    byte[] changed =
        classFile.transformClass(
            classFile.parse(original),
            ClassTransform.transformingMethodBodies(
                model -> {
                  String name = model.methodName().stringValue();
                  return name.equals(method) || name.startsWith("lambda$" + method + "$");
                },
                body));
    if (count == 0) {
      throw new IllegalStateException(
          "there is nothing to change in " + className + "." + method + " any more");
    }
    return changed;
  }
}
