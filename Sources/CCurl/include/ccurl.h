// A C header over libcurl: one HTTP request at a time, with its limits. The library is loaded when it is first used, so
// that a program that asks no server starts no slower. No policy: what is tried again is decided above.
#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>
#include <stdint.h>

// What became of a request.
typedef enum {
    ccurl_done,        // there is a status
    ccurl_unreachable, // no connection, or it was lost
    ccurl_timeout,     // too slow
    ccurl_too_large,   // the body has more bytes than the limit
    ccurl_refused,     // the sink took no more
    ccurl_failed,      // anything else
} ccurl_outcome;

typedef struct {
    const char *method;
    const char *url;
    // "Name: value", and NULL at the end.
    const char *const *headers;
    // The request's body: bytes in memory; or, if they are NULL, a part of an open file. None if the size is negative.
    const void *body;
    int descriptor;
    int64_t offset;
    int64_t size;
    // The most bytes that the answer's body may have.
    int64_t limit;
    // Milliseconds: until there is a connection; with under 1,000 bytes a second; altogether.
    long connect_time, stall_time, total_time;
    // Takes a part of the body of an answer with the status 200; returns 0 to end the transfer.
    int (*sink)(void *context, const void *bytes, size_t count);
    void *context;
} ccurl_request;

typedef struct {
    ccurl_outcome outcome;
    // The HTTP status; 0 without an answer.
    long status;
    // The body's length as the server states it; -1 if it does not.
    int64_t length;
    // Bytes of bodies.
    int64_t received, sent;
    // The header ETag, with its quotes; empty without one.
    char tag[256];
    // Why there is no status; or the start of the body of an answer with another status than 200.
    char message[2048];
} ccurl_answer;

typedef struct ccurl ccurl;

// NULL if libcurl can be used; else why not.
const char *ccurl_fault(void);

// A connection that is kept from one request to the next; used by one thread at a time. NULL without libcurl.
ccurl *ccurl_open(void);
void ccurl_close(ccurl *);

void ccurl_perform(ccurl *, const ccurl_request *, ccurl_answer *);

#endif
