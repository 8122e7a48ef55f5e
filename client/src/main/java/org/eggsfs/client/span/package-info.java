/** From file bytes to blocks and back: layout, encoding, recovery (client.md sections 6 to 8). */
package org.eggsfs.client.span;
