/* SPDX-License-Identifier: MIT */

/* The public face of a region: argument checks, and what only regions can do
 * with their bytes. */

#include "uvshm/region.h"

#include "base/align.h"
#include "base/error.h"
#include "object/attach.h"

#include <string.h>

#define KNOWN_FLAGS                                                            \
 (UVSHM_CREATE | UVSHM_EXCLUSIVE | UVSHM_EXISTING | UVSHM_READONLY |           \
  UVSHM_KEEP | UVSHM_SYSTEM | UVSHM_FILE | UVSHM_MANAGED | UVSHM_UNCLEAN_OK |  \
  UVSHM_DIR | UVSHM_GUARD | UVSHM_REGION_PRIVATE | UVSHM_REGION_FOREIGN |      \
  UVSHM_REGION_HUGE)

/* A region is nothing but its attach. */
struct uvshm_region_s {
  struct uvshm__attach attach;
};


static struct uvshm__attach* attach_of(const uvshm_region_t* region) {
  return (struct uvshm__attach*) region;
}


/* Flags that contradict each other. */
static int flags_agree(uint32_t flags) {
  if (flags & UVSHM_CREATE && flags & UVSHM_EXISTING) return 0;
  if (flags & UVSHM_EXCLUSIVE && !(flags & UVSHM_CREATE)) return 0;
  if (flags & UVSHM_MANAGED && !(flags & UVSHM_FILE)) return 0;
  if (flags & UVSHM_UNCLEAN_OK && !(flags & UVSHM_MANAGED)) return 0;
  if (flags & UVSHM_FILE && flags & (UVSHM_KEEP | UVSHM_REGION_FOREIGN))
    return 0;
  if (flags & UVSHM_REGION_FOREIGN && flags & (UVSHM_KEEP | UVSHM_SYSTEM))
    return 0;
  if (flags & UVSHM_DIR && flags & (UVSHM_FILE | UVSHM_REGION_FOREIGN))
    return 0;
  if (flags & UVSHM_READONLY && flags & (UVSHM_CREATE | UVSHM_REGION_PRIVATE))
    return 0;
  return 1;
}


static int check(const char* name, const uvshm_region_options_t* options) {
  if (options->flags & ~KNOWN_FLAGS)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a region: unknown flag 0x%x",
                       (unsigned int) (options->flags & ~KNOWN_FLAGS));
  if (!flags_agree(options->flags))
    return uvshm__fail(UV_EINVAL,
                       "cannot open a region: its flags contradict each other");
  if (name == NULL && (!(options->flags & UVSHM_CREATE) ||
                       options->flags & (UVSHM_KEEP | UVSHM_SYSTEM | UVSHM_DIR |
                                         UVSHM_FILE | UVSHM_REGION_FOREIGN)))
    return uvshm__fail(UV_EINVAL,
                       "cannot open a region: one without a name must be made "
                       "with UVSHM_CREATE alone");
  if (options->flags & UVSHM_CREATE && options->size == 0 &&
      options->max_size == 0)
    return uvshm__fail(UV_EINVAL,
                       "cannot make a region of 0 bytes that cannot grow");
  if (options->mode > 0777)
    return uvshm__fail(UV_EINVAL,
                       "cannot open a region: mode has more than permission "
                       "bits");
  return 0;
}


int uvshm_region_open(uvshm_region_t** region,
                      const char* name,
                      const uvshm_region_options_t* given) {
  uvshm_region_options_t options;
  struct uvshm__request request;
  struct uvshm__attach* attach;
  int err;

  memset(&options, 0, sizeof(options));
  if (given != NULL) options = *given;
  err = check(name, &options);
  if (err < 0) return err;

  memset(&request, 0, sizeof(request));
  request.name = name;
  request.kind = UVSHM_KIND_REGION;
  request.flags = options.flags;
  request.mode = options.mode;
  request.size = options.size;
  request.max_size = options.max_size;
  request.offset = options.offset;
  request.window_size = options.window_size;
  request.timeout_ms =
      options.timeout_ms != 0 ? options.timeout_ms : UVSHM__OPEN_TIMEOUT_MS;
  request.peers = UVSHM__PEERS_DEFAULT;
  request.group = options.group;
  request.sddl = options.sddl;
  request.label = options.label;
  err = uvshm__attach_open(&attach, &request);
  if (err >= 0) *region = (uvshm_region_t*) attach;
  return err;
}


void uvshm_region_close(uvshm_region_t* region) {
  uvshm__attach_close(attach_of(region));
}


int uvshm_region_unlink(const char* name, uint32_t flags) {
  return uvshm__attach_unlink(name, flags, UVSHM_KIND_REGION);
}


void* uvshm_region_base(const uvshm_region_t* region) {
  return attach_of(region)->bytes.addr;
}


uint64_t uvshm_region_size(const uvshm_region_t* region) {
  const struct uvshm__attach* attach = attach_of(region);
  uint64_t size = uvshm__attach_size(attach);

  if (uvshm__attach_is_cut(attach)) return 0;
  if (size <= attach->window) return 0;
  size -= attach->window;
  return size < attach->bytes.size ? size : attach->bytes.size;
}


uint64_t uvshm_region_alignment(void) {
  return uvshm__port_alignment();
}


int uvshm_region_grow(uvshm_region_t* region, uint64_t size) {
  return uvshm__attach_grow(attach_of(region), size);
}


/* A range of the mapped bytes that begins at a page; its end is rounded up to
 * one, as the last page of the object is all there. */
static int page_range(const struct uvshm__attach* attach,
                      uint64_t offset,
                      uint64_t* size,
                      unsigned char** addr) {
  uint64_t page = uvshm__port_page_size();
  uint64_t end = uvshm_region_size((const uvshm_region_t*) attach);

  if (*size == 0 && offset <= end) *size = end - offset;
  if (!uvshm__fits(offset, *size, end))
    return uvshm__fail(
        UV_EINVAL, "a range outside its %llu bytes", (unsigned long long) end);
  if (offset % page != 0 || (*size % page != 0 && offset + *size != end))
    return uvshm__fail(UV_EINVAL,
                       "a range must begin and end at a multiple of the page "
                       "size, %llu, or end with the region",
                       (unsigned long long) page);
  *addr = (unsigned char*) attach->bytes.addr + offset;
  uvshm__round_up(*size, page, size);
  return 0;
}


static int failed(const struct uvshm__attach* attach,
                  const char* what,
                  int err,
                  unsigned int failures) {
  if (err >= 0) return err;
  return uvshm__fail(err,
                     "cannot %s \"%s\": %s",
                     what,
                     attach->name,
                     uvshm__reason(err, failures));
}


int uvshm_region_protect(uvshm_region_t* region,
                         uint64_t offset,
                         uint64_t size,
                         uint32_t access) {
  static const uint32_t meanings[] = {
      UVSHM__PORT_NONE, UVSHM__PORT_READ, UVSHM__PORT_WRITE};
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  unsigned char* addr;
  uint32_t wanted;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (access > UVSHM_PROTECT_WRITE)
    return uvshm__fail(UV_EINVAL, "unknown access %u", (unsigned int) access);
  wanted = meanings[access];
  if (wanted == UVSHM__PORT_WRITE && attach->readonly)
    return uvshm__fail(
        UV_EACCES, "cannot widen \"%s\": attached for reading", attach->name);
  if (wanted == UVSHM__PORT_WRITE && attach->private_copy)
    wanted = UVSHM__PORT_COPY;
  err = page_range(attach, offset, &size, &addr);
  if (err == 0 && access != UVSHM_PROTECT_WRITE)
    uvshm__a32_store_relaxed(&attach->narrowed, 1);
  if (err == 0 && size != 0) err = uvshm__port_protect(addr, size, wanted);
  return failed(attach, "protect", err, failures);
}


int uvshm_region_sync(uvshm_region_t* region,
                      uint64_t offset,
                      uint64_t size,
                      int wait) {
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  uint64_t page = uvshm__port_page_size();
  uint64_t end = uvshm_region_size(region);
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (size == 0 && offset <= end) size = end - offset;
  if (!uvshm__fits(offset, size, end))
    return uvshm__fail(UV_EINVAL,
                       "cannot sync \"%s\": a range outside its %llu bytes",
                       attach->name,
                       (unsigned long long) end);
  if (size == 0 || attach->readonly || attach->private_copy) return 0;
  size += offset % page;
  offset -= offset % page;
  err = uvshm__port_sync(&attach->object,
                         (unsigned char*) attach->bytes.addr + offset,
                         size,
                         wait);
  return failed(attach, "sync", err, failures);
}


static int advise(unsigned char* addr,
                  uint64_t size,
                  uint32_t advice,
                  int writable,
                  uint32_t* got) {
  uint32_t huge = 0;
  int err = 0;

  if (advice & UVSHM_ADVISE_HUGE) {
    err = uvshm__port_huge(addr, size, &huge);
    if (err == UV_ENOTSUP) err = 0;
    if (err == 0 && huge) *got |= UVSHM_ADVISE_HUGE;
  }
  if (err == 0 && advice & UVSHM_ADVISE_PREFAULT) {
    err = uvshm__port_prefault(addr, size, writable);
    if (err == 0) *got |= UVSHM_ADVISE_PREFAULT;
  }
  if (err == 0 && advice & UVSHM_ADVISE_LOCK) {
    err = uvshm__port_pin(addr, size);
    if (err == 0) *got |= UVSHM_ADVISE_LOCK;
  }
  return err;
}


int uvshm_region_advise(uvshm_region_t* region,
                        uint64_t offset,
                        uint64_t size,
                        uint32_t advice,
                        uint32_t* got) {
  const uint32_t known =
      UVSHM_ADVISE_PREFAULT | UVSHM_ADVISE_LOCK | UVSHM_ADVISE_HUGE;
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  unsigned char* addr;
  uint32_t done = 0;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  if (advice & ~known)
    return uvshm__fail(UV_EINVAL, "unknown advice 0x%x", (unsigned int) advice);
  /* To prefault is to touch, which is a fault where that is not allowed. */
  if (uvshm__a32_load_relaxed(&attach->narrowed))
    advice &= ~(uint32_t) UVSHM_ADVISE_PREFAULT;
  err = page_range(attach, offset, &size, &addr);
  if (err == 0 && size != 0)
    err = advise(addr, size, advice, !attach->readonly, &done);
  if (got != NULL) *got = done;
  return failed(attach, "advise on", err, failures);
}


int uvshm_region_info(const uvshm_region_t* region, uvshm_region_info_t* info) {
  return uvshm__attach_info(attach_of(region), info);
}


int uvshm_region_set(uvshm_region_t* region,
                     const uvshm_region_options_t* options) {
  struct uvshm__attach* attach = attach_of(region);
  unsigned int failures = uvshm__error_count();
  struct uvshm__port_spec spec;
  int err = uvshm__attach_usable(attach);

  if (err < 0) return err;
  memset(&spec, 0, sizeof(spec));
  spec.mode = options->mode;
  spec.group = options->group;
  spec.sddl = options->sddl;
  err = uvshm__port_set_rights(&attach->object, &spec);
  return failed(attach, "change the rights of", err, failures);
}


int uvshm_region_rejoin(uvshm_region_t* region) {
  return uvshm__attach_rejoin(attach_of(region));
}
