/** Off-heap buffers under one byte budget (client.md section 11). */
package org.eggsfs.client.memory;
