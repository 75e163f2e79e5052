#include "ccurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#ifdef __APPLE__
static const char *const names[] = {"libcurl.4.dylib", "libcurl.dylib"};
#else
// The second is Debian's build with GnuTLS; both have the same functions.
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
#endif

// The functions of the library that are used.
static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    void (*easy_reset)(CURL *);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
} lib;

static const char *fault;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int find(void *library, const char *name, void *place) {
    void *function = dlsym(library, name);
    memcpy(place, &function, sizeof function);
    return function != NULL;
}

static void load(void) {
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (!library) {
        fault = "libcurl is not installed";
        return;
    }
    if (!(find(library, "curl_global_init", &lib.global_init) && find(library, "curl_easy_init", &lib.easy_init) &&
          find(library, "curl_easy_cleanup", &lib.easy_cleanup) && find(library, "curl_easy_reset", &lib.easy_reset) &&
          find(library, "curl_easy_perform", &lib.easy_perform) &&
          find(library, "curl_easy_setopt", &lib.easy_setopt) &&
          find(library, "curl_easy_getinfo", &lib.easy_getinfo) &&
          find(library, "curl_easy_strerror", &lib.easy_strerror) &&
          find(library, "curl_slist_append", &lib.slist_append) &&
          find(library, "curl_slist_free_all", &lib.slist_free_all))) {
        fault = "libcurl lacks functions that are needed; it is too old";
        return;
    }
    if (lib.global_init(CURL_GLOBAL_ALL) != CURLE_OK) fault = "libcurl cannot be started";
}

const char *ccurl_fault(void) {
    pthread_once(&once, load);
    return fault;
}

// A handle of the library is all that is kept.
struct ccurl;

ccurl *ccurl_open(void) { return ccurl_fault() ? NULL : (ccurl *)lib.easy_init(); }

void ccurl_close(ccurl *handle) {
    if (handle) lib.easy_cleanup((CURL *)handle);
}

// A request under way.
typedef struct {
    CURL *curl;
    const ccurl_request *request;
    ccurl_answer *answer;
    int64_t position;
    size_t noted;
    int is_too_large, is_refused;
} transfer;

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    transfer *t = context;
    size_t length = size * count;
    // Each answer begins with its status line: an interim answer's headers do not count.
    if (length >= 5 && !strncasecmp(bytes, "HTTP/", 5)) t->answer->tag[0] = 0;
    if (length > 5 && !strncasecmp(bytes, "etag:", 5)) {
        size_t start = 5, end = length;
        while (start < end && (bytes[start] == ' ' || bytes[start] == '\t')) start++;
        while (end > start && (bytes[end - 1] == '\r' || bytes[end - 1] == '\n' || bytes[end - 1] == ' ')) end--;
        if (end - start < sizeof t->answer->tag) {
            memcpy(t->answer->tag, bytes + start, end - start);
            t->answer->tag[end - start] = 0;
        }
    }
    return length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    transfer *t = context;
    size_t length = size * count;
    t->answer->received += (int64_t)length;
    if (t->answer->received > t->request->limit) {
        t->is_too_large = 1;
        return 0;
    }
    long status = 0;
    lib.easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        if (!t->request->sink || t->request->sink(t->request->context, bytes, length)) return length;
        t->is_refused = 1;
        return 0;
    }
    size_t room = sizeof t->answer->message - 1 - t->noted;
    size_t part = length < room ? length : room;
    memcpy(t->answer->message + t->noted, bytes, part);
    t->noted += part;
    t->answer->message[t->noted] = 0;
    return length;
}

static size_t give_body(char *buffer, size_t size, size_t count, void *context) {
    transfer *t = context;
    const ccurl_request *request = t->request;
    int64_t rest = request->size - t->position;
    size_t wanted = (int64_t)(size * count) < rest ? size * count : (size_t)rest;
    if (wanted == 0) return 0;
    if (request->body) {
        memcpy(buffer, (const char *)request->body + t->position, wanted);
    } else {
        ssize_t got;
        do {
            got = pread(request->descriptor, buffer, wanted, request->offset + t->position);
        } while (got < 0 && errno == EINTR);
        if (got <= 0) return CURL_READFUNC_ABORT;
        wanted = (size_t)got;
    }
    t->position += (int64_t)wanted;
    t->answer->sent += (int64_t)wanted;
    return wanted;
}

// A connection that turns out closed is replaced, and the body sent from its start.
static int rewind_body(void *context, curl_off_t offset, int origin) {
    transfer *t = context;
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    t->position = offset;
    return CURL_SEEKFUNC_OK;
}

void ccurl_perform(ccurl *handle, const ccurl_request *request, ccurl_answer *answer) {
    CURL *curl = (CURL *)handle;
    transfer t = {.curl = curl, .request = request, .answer = answer};
    char message[CURL_ERROR_SIZE] = "";
    memset(answer, 0, sizeof *answer);
    answer->length = -1;

    lib.easy_reset(curl);
    struct curl_slist *headers = NULL;
    for (const char *const *header = request->headers; header && *header; header++) {
        headers = lib.slist_append(headers, *header);
    }
    // No answer is waited for before a body is sent.
    headers = lib.slist_append(headers, "Expect:");
    lib.easy_setopt(curl, CURLOPT_URL, request->url);
    // The path is signed as it is written.
    lib.easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    lib.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    lib.easy_setopt(curl, CURLOPT_USERAGENT, "reprise");
    lib.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    lib.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    lib.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, request->connect_time);
    lib.easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->total_time);
    lib.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    // Whole seconds, upwards.
    lib.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (request->stall_time + 999) / 1000);
    lib.easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    lib.easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    lib.easy_setopt(curl, CURLOPT_HEADERDATA, &t);
    lib.easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    lib.easy_setopt(curl, CURLOPT_WRITEDATA, &t);
    if (!strcmp(request->method, "HEAD")) {
        lib.easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (request->size >= 0) {
        lib.easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        lib.easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->size);
        lib.easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        lib.easy_setopt(curl, CURLOPT_READDATA, &t);
        lib.easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
        lib.easy_setopt(curl, CURLOPT_SEEKDATA, &t);
        lib.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        lib.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
        // Of a body whose length is stated, nothing is read.
        lib.easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->limit);
    }

    CURLcode code = lib.easy_perform(curl);
    lib.slist_free_all(headers);
    lib.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_off_t length = -1;
    lib.easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    answer->length = length;
    if (code == CURLE_OK) {
        answer->outcome = ccurl_done;
        return;
    }
    snprintf(answer->message, sizeof answer->message, "%s", message[0] ? message : lib.easy_strerror(code));
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: answer->outcome = ccurl_timeout; break;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: answer->outcome = ccurl_unreachable; break;
    default: answer->outcome = ccurl_failed;
    }
    if (t.is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
        answer->outcome = ccurl_too_large;
        snprintf(answer->message, sizeof answer->message, "the body has more than %lld bytes",
                 (long long)request->limit);
    } else if (t.is_refused) {
        answer->outcome = ccurl_refused;
    }
}
