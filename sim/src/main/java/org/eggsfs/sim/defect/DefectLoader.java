package org.eggsfs.sim.defect;

import java.io.IOException;
import java.io.InputStream;

/**
 * Loads all classes of the house once more, one of them changed. Classes of the platform and of
 * libraries are the same as elsewhere.
 */
final class DefectLoader extends ClassLoader {
  private static final String HOUSE = "org.eggsfs.";

  private final Edit[] edits;

  DefectLoader(ClassLoader parent, Edit... edits) {
    super(parent);
    this.edits = edits.clone();
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(HOUSE)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? define(name) : loaded;
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    String resource = name.replace('.', '/') + ".class";
    try (InputStream in = getParent().getResourceAsStream(resource)) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      byte[] bytes = in.readAllBytes();
      for (Edit edit : edits) {
        if (edit.className().equals(name)) {
          bytes = edit.apply(bytes);
        }
      }
      return defineClass(name, bytes, 0, bytes.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }
}
