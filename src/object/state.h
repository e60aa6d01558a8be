/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Inside object/: what the steps of loading hand to each other. */
#ifndef OBJECT_STATE_H
#define OBJECT_STATE_H

#include "base/vec.h"
#include "btf/types.h"
#include "elf/image.h"
#include "object/object.h"

#define OBJECT_MAX_SIZE  (64u << 20) /* bytes of a file; large objects with DWARF have some MiB */
#define OBJECT_MAX_DATA  (64u << 20) /* bytes of all variables; a .bss takes no room in the file */
#define OBJECT_MAX_INSNS 1000000     /* of one program, as the kernel's limit */
#define OBJECT_MAX_TOTAL (4u << 20)  /* instructions of all programs: each has its subprograms */
#define OBJECT_MAX_MAPS  4096        /* a program uses at most 64 */
#define OBJECT_MAX_VARS  (1u << 20)
#define OBJECT_MAX_EXTS  4096 /* a program calls at most 256 kfuncs */

enum section_kind {
	SECTION_OTHER,
	SECTION_TEXT, /* subprograms */
	SECTION_PROG, /* entry programs */
	SECTION_DATA,
	SECTION_RODATA,
	SECTION_BSS,
	SECTION_MAPS,
	SECTION_OLD_MAPS,
	SECTION_ARENA, /* variables that live in the object's arena */
};

enum reloc_kind {
	RELOC_MAP,       /* idx = map */
	RELOC_DATA,      /* idx = map, off = the symbol's offset in it */
	RELOC_EXT_LOAD,  /* idx = extern */
	RELOC_EXT_CALL,  /* idx = extern */
	RELOC_CALL,      /* off = the symbol's offset in .text */
	RELOC_FUNC_ADDR, /* off = the symbol's offset in .text */
};

struct reloc {
	u32 insn; /* in its function */
	enum reloc_kind kind;
	u32 idx;
	u64 off;
	const char *name;
};

/* A function as it stands in its section. */
struct func {
	const char *name;
	u32 section, start, nr; /* instructions [start, start + nr) of the section */
	bool is_global;
	u32 type_id;
	struct bpf_insn *insns; /* a copy: CO-RE writes into it */
	struct prog *prog;      /* NULL: a subprogram */
	struct reloc *relocs;   /* sorted by insn */
	u32 nr_relocs;
	u32 placed; /* linking: 1 + the index of its first instruction in the program; 0: not in */
	u32 idx;    /* linking: which function of the program it is */
};

enum kconfig_kind {
	KCONFIG_UNKNOWN,
	KCONFIG_BOOL,
	KCONFIG_CHAR,
	KCONFIG_TRISTATE,
	KCONFIG_INT,
	KCONFIG_STRING,
};

struct ext {
	const char *name;
	u32 sym;
	u32 type_id; /* of the VAR or FUNC */
	bool is_weak, is_func, is_kconfig;
	bool is_set; /* found when relocating */
	/* kconfig */
	enum kconfig_kind kind;
	bool is_signed;
	u32 size, align, off;
	/* ksym */
	u32 value_type; /* 0: typeless */
	u32 kernel_id;  /* in the kernel's BTF */
	u64 addr;
};

/* .BTF.ext: one kind of records, in the order of the file. */
struct ext_info {
	u32 section, insn; /* insn in the section */
	union {
		u32 type_id; /* func_info */
		struct {
			u32 file_off, line_off, line_col;
		};
		struct bpf_core_relo core;
	};
};

struct ext_infos {
	struct ext_info *data;
	u32 nr;
};

struct map_place { /* where a map's definition or data stands */
	u32 section;
	u64 off, size;
	u32 sec_type, var; /* .maps: the DATASEC and the index in it */
};

struct object_state {
	const void *image;
	size_t image_size;
	struct elf_image elf;
	enum section_kind *kinds; /* by section */
	u32 text;                 /* the section of subprograms, 0: none */
	struct ext_infos funcs_info, lines_info, core_info;
	struct func *funcs; /* sorted by section and start */
	u32 nr_funcs;
	struct ext *exts;
	u32 nr_exts;
	VEC(struct object_map) maps; /* while they are defined */
	VEC(struct map_place) places;
	VEC(struct object_var) vars;
	u32 nr_btf_maps; /* the first maps, sorted by offset in .maps */
	u32 kconfig_map; /* valid if some extern is_kconfig */
	u64 data_size;
	bool is_relocated;
};

/* section.c */
int object_read_sections(struct object *obj, struct skep_diag *diag);
int object_fix_datasecs(struct object *obj, struct skep_diag *diag);
const struct btf_type *object_datasec(const struct object *obj, const char *name, u32 *ret_id);

/* btfext.c */
int object_read_btf(struct object *obj, struct skep_diag *diag);

/* subprog.c */
int object_find_funcs(struct object *obj, struct skep_diag *diag);
struct func *object_func_at(const struct object *obj, u32 section, u64 insn);

/* extern.c, kconfig.c */
int object_find_externs(struct object *obj, struct skep_diag *diag);
int object_resolve_externs(struct object *obj, const struct object_reloc_opts *opts,
			   struct skep_diag *diag);
int object_classify_kconfig(const struct btf *btf, struct ext *ext);
int object_set_kconfig(struct object *obj, struct ext *ext, const char *text,
		       struct skep_diag *diag);
/* The whole text; the caller frees it with mem_free. -ENOENT: neither file can be read. */
int object_read_kernel_config(char **ret);
/* NAME's value in it, copied into buf; NULL: it is not set, or longer than size - 1. */
const char *object_config_value(char *config, const char *name, char *buf, size_t size);

/* mapdef.c, mapold.c, data.c, opsdef.c, field.c, mapinit.c */
int object_define_maps(struct object *obj, struct skep_diag *diag);
int object_define_old_maps(struct object *obj, struct skep_diag *diag);
int object_define_data(struct object *obj, struct skep_diag *diag);
int object_define_kconfig(struct object *obj, struct skep_diag *diag);
int object_define_ops(struct object *obj, struct skep_diag *diag);
int object_finish_maps(struct object *obj, struct skep_diag *diag);
int object_init_maps(struct object *obj, struct skep_diag *diag);
int object_find_fields(struct object *obj, struct map_def *def, struct skep_diag *diag);
int object_new_map(struct object *obj, const struct map_place *place, struct object_map **ret,
		   struct skep_diag *diag);

/* reloc.c */
int object_collect_relocs(struct object *obj, struct skep_diag *diag);

/* link.c, line.c */
int object_link(struct object *obj, struct skep_diag *diag);
int object_add_lines(struct object *obj, struct prog *prog, const struct func *const *funcs,
		     struct skep_diag *diag);

#endif
