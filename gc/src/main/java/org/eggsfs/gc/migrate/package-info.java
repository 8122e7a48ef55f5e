/** Migration: moves blocks off retired disks, most endangered files first (gc.md section 8). */
package org.eggsfs.gc.migrate;
