/** The UDP channel to shards and CDC: ids, retries, addresses (client.md section 2). */
package org.eggsfs.client.metadata;
