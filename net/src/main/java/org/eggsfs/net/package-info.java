/** What every role needs to talk to the shuckle: addresses, the client, and the framed server. */
package org.eggsfs.net;
