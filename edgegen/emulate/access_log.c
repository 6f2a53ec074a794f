/* Writes down the data accesses of an emulated core in order; the hook of access_log.py in C. */
#include <stdint.h>
#include <stdlib.h>

/* Mirrored by access_log.py. */
typedef struct {
    uint32_t address;
    uint16_t size;
    uint16_t written; /* 1 for a write, 0 for a read */
} access_t;

typedef struct {
    access_t *entries;
    uint64_t count, room;
    int out_of_memory;
} log_t;

/* Unicorn calls this before each access; UC_MEM_WRITE is 17. */
void log_access(void *engine, int kind, uint64_t address, int size, int64_t value, log_t *log)
{
    (void)engine;
    (void)value;
    if (log->count == log->room) {
        const uint64_t room = log->room != 0 ? 2 * log->room : 65536;
        access_t *entries = realloc(log->entries, room * sizeof *entries);
        if (entries == NULL) {
            log->out_of_memory = 1;
            return;
        }
        log->entries = entries;
        log->room = room;
    }
    log->entries[log->count++] = (access_t){(uint32_t)address, (uint16_t)size, (uint16_t)(kind == 17)};
}

void log_free(log_t *log)
{
    free(log->entries);
    log->entries = NULL;
    log->count = log->room = 0;
}
