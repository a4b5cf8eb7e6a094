# nnc: see README.md.  `make` leaves ./nnc; `make test` runs everything.

# No chains of the rules that make has built in: every file here has a rule.
MAKEFLAGS += --no-builtin-rules

ifeq ($(origin CC),default)
CC = gcc
endif
PREFIX = /usr/local
DESTDIR =
VERSION = 0.1.0
VERSION_DATE = 2026-11-28

LD = ld
OBJCOPY = objcopy
JOBS = $(shell nproc 2>/dev/null || echo 1)
BUILD = build
PROGRAM = nnc
SANITIZE =
OPTIMIZE = -O2 -g
CFLAGS =
WARNINGS = -Wall -Wextra -Werror
ALL_CFLAGS = -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(SANITIZE) -Icompiler -Iruntime -I$(BUILD) -I. \
             -DNNC_VERSION='"$(VERSION)"' -DNNC_VERSION_DATE='"$(VERSION_DATE)"' $(CFLAGS)
LIBS = -ltcc -ljansson -lprotobuf-c -ljpeg -lpng -lz -ldeflate -ldl -lm -lpthread
CHECK_LIBS = -lcheck -lsubunit -lrt -lm -lpthread

# What `make deps` installs on Debian and Ubuntu.
PACKAGES = gcc libc6-dev flex bison libtcc-dev zlib1g-dev libdeflate-dev libjansson-dev libjpeg62-turbo-dev libpng-dev \
           libprotobuf-c-dev protobuf-c-compiler check
# What nnc can do without: `nnc --version` says what it was built with.
OPTIONAL_PACKAGES = libmatio-dev libsixel-dev libopenmpi-dev openmpi-bin
# What parts of the tests use, which are skipped where it is missing: `make test-deps`.
TEST_PACKAGES = clang tcc g++ valgrind python3-numpy sqlite3 libsqlite3-dev pkg-config man-db mandoc gcc-aarch64-linux-gnu \
                libc6-dev-arm64-cross qemu-user gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm gcc-riscv64-unknown-elf \
                picolibc-riscv64-unknown-elf libonnx-testdata
TOOLS = $(CC) flex bison protoc-c
# The name of a library (HEADER, FILE) where it can be compiled with, else empty.  nnc opens these libraries when
# they are needed: libmatio brings 30 others, which take longer to be loaded than most commands take.
OPENED_LIBRARY = $(shell printf '\043include <$(1)>\n' | $(CC) -E -x c - >/dev/null 2>&1 && \
                   LC_ALL=C readelf -d "$$($(CC) -print-file-name=$(2))" 2>/dev/null | sed -n 's/.*soname: \[\(.*\)\].*/\1/p')
MATIO := $(call OPENED_LIBRARY,matio.h,libmatio.so)
SIXEL := $(call OPENED_LIBRARY,sixel/sixel.h,libsixel.so)
# The engine of runs on several machines, where there is a compiler for MPI: nnc opens it under a launcher.
# MPICC=mpicc.mpich: another MPI than the usual one.
MPICC := $(shell command -v mpicc 2>/dev/null)
MPI_LIBRARY = $(if $(MPICC),$(dir $(PROGRAM))nnc-mpi.so)
HEADERS = stdio.h libtcc.h zlib.h libdeflate.h jansson.h protobuf-c/protobuf-c.h jpeglib.h png.h check.h

# ---- what there is -----------------------------------------------------------

OPS = $(sort $(wildcard compiler/ops/*/*.c))
STD = $(sort $(wildcard compiler/std/*.nn))
KERNELS = $(sort $(wildcard runtime/kernels/*.h runtime/kernels/*/*.h))
REPORT_PAGE = $(addprefix compiler/report/page/, head.html foot.html page.html page.css trace.html trace.css trace.js run.html run.css certificate.html certificate.css \
              certificate.js)
PAGE_SCRIPT = $(patsubst %, compiler/report/page/%.js, base tip blocks graph bars arena field flow tables print main)
RUN_SCRIPT = $(patsubst %, compiler/report/page/%.js, run tip graph gradient activations run_main)

SOURCES = $(filter-out compiler/main.c, $(wildcard compiler/*/*.c compiler/ops/*/*.c compiler/commands/*/*.c)) \
          $(wildcard runtime/core/*.c runtime/data/*.c runtime/train/*.c runtime/kernels/*.c)
PAGES = $(sort $(wildcard runtime/kernels/config/*.h))
PAGE_TABLES = runtime/kernels/config/tables.sh
LIBRARY_TEXT = runtime/kernels/config/library.sh
TARGETS = $(basename $(notdir $(PAGES)))
# Machines without kernels: the plain form.
PLAIN_TARGETS := $(basename $(notdir $(shell grep -l '^ [*] form: plain$$' $(PAGES))))
EMULATED = $(filter-out generic $(PLAIN_TARGETS), $(TARGETS))
LIBRARIES := $(shell sh $(PAGE_TABLES) names $(PAGES))
# NAME:BASE, of libraries that fall through to another.
BASES := $(shell sh $(PAGE_TABLES) bases $(PAGES))
EMULATED_BASES := $(shell sh $(PAGE_TABLES) sizes $(PAGES))
MADE_HEADERS = $(BUILD)/interop/onnx.pb-c.h $(BUILD)/graph/target_table.h $(BUILD)/runtime/kernels/simd/instruction_set.h
MADE = $(TARGETS:%=$(BUILD)/graph/costs_%.c) $(BUILD)/runtime/kernels/libraries.c \
       $(LIBRARIES:%=$(BUILD)/runtime/kernels/library_%.c) $(addprefix $(BUILD)/, front/lexer.c front/parser.c ops/op_table.c std/std_library.c \
         emit/nn_text.c commands/python_text.c emit/kernel_text.c emit/reserved_names.c report/page_text.c interop/onnx.pb-c.c)
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o) $(MADE:%.c=%.o)
LIBRARY = $(BUILD)/nnc.a
PUBLIC_LIBRARY = $(BUILD)/libnnc.a

UNIT_SOURCES = $(wildcard tests/unit/*.c)
UNIT_MADE = $(BUILD)/tests/unit/suites.c $(BUILD)/tests/unit/emulated.c $(EMULATED:%=$(BUILD)/tests/unit/emulated_%.c)
# What takes longest to compile first, so that the last to end is a short one.
UNIT_OBJECTS = $(UNIT_MADE:%.c=%.o) $(UNIT_SOURCES:%.c=$(BUILD)/%.o)
INPUT_TARGETS = tensors data_sets pictures source onnx
INPUT_PROGRAMS = $(INPUT_TARGETS:%=$(BUILD)/fuzz_inputs/%)
INPUT_OBJECTS = $(patsubst %.c, $(BUILD)/%.o, $(wildcard tests/fuzz_inputs/*.c))
FUZZ_OBJECTS = $(patsubst %.c, $(BUILD)/%.o, $(wildcard tests/fuzz/*.c))

# ---- building ----------------------------------------------------------------

.PHONY: all deps test-deps demo bench test unit refs warnings fuzz fuzz-inputs valgrind lint asan install uninstall deb check-deb check-onnx clean thorough thorough-unit $(THOROUGH:%=thorough-%) check-all
.DELETE_ON_ERROR:
.SECONDARY: $(MADE) $(MADE_HEADERS) $(UNIT_MADE)

all: $(BUILD)/tools.ok
	@$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(MPI_LIBRARY)

# Looks for every tool and header once; installs what is missing.
$(BUILD)/tools.ok: Makefile
	@mkdir -p $(@D)
	@missing=$$(sh tests/missing.sh "$(CC)" "$(TOOLS)" "$(HEADERS)"); \
	if [ -n "$$missing" ]; then \
	    echo "make: missing:$$missing" >&2; \
	    $(MAKE) --no-print-directory deps; \
	    missing=$$(sh tests/missing.sh "$(CC)" "$(TOOLS)" "$(HEADERS)"); \
	    if [ -n "$$missing" ]; then echo "make: still missing:$$missing" >&2; exit 1; fi; \
	fi
	@touch $@

deps:
	@sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	if ! command -v apt-get >/dev/null 2>&1; then why="there is no apt-get here"; \
	elif [ -n "$$sudo" ] && ! command -v sudo >/dev/null 2>&1; then why="this needs root, and there is no sudo"; \
	elif ! $$sudo apt-get update; then why="apt-get update failed"; \
	elif ! $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(PACKAGES); then \
	    why="apt-get install failed"; \
	else \
	    for package in $(OPTIONAL_PACKAGES); do \
	        $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$package || \
	            echo "make deps: nnc is built without $$package" >&2; \
	    done; \
	    exit 0; fi; \
	echo "make deps: $$why.  Needed are the packages (by their Debian names):" >&2; \
	echo "    $(PACKAGES)" >&2; \
	echo "As root: apt-get update && apt-get install $(PACKAGES)" >&2; \
	exit 1

test-deps:
	@$(MAKE) --no-print-directory deps PACKAGES="$(TEST_PACKAGES)"

$(PROGRAM): $(BUILD)/compiler/main.o $(LIBRARY)
	$(CC) $(SANITIZE) -o $@ $^ $(LDFLAGS) $(LIBS)

$(dir $(PROGRAM))nnc-mpi.so: runtime/mpi/ranks_mpi.c runtime/train/ranks.h
	@echo "  $(MPICC) $<"
	@OMPI_CC="$(CC)" MPICH_CC="$(CC)" $(MPICC) -std=gnu11 $(OPTIMIZE) $(WARNINGS) -Wno-stringop-overflow $(CFLAGS) -I. -shared -fPIC -o $@ $<

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

# What is installed: one object, of whose names those of compiler/library/nnc.h alone are seen.
$(PUBLIC_LIBRARY): $(OBJECTS)
	@rm -f $@
	@$(LD) -r -o $(BUILD)/libnnc.o $(OBJECTS)
	@$(OBJCOPY) --strip-debug --wildcard --keep-global-symbol='nnc_*' $(BUILD)/libnnc.o
	@ar rcs $@ $(BUILD)/libnnc.o

$(BUILD)/nnc.pc: Makefile
	@mkdir -p $(@D)
	@{ echo 'prefix=$(PREFIX)'; echo 'Name: nnc'; echo 'Description: compiler of convolutional networks'; \
	   echo 'Version: $(VERSION)'; echo 'Cflags: -I$${prefix}/include'; \
	   echo 'Libs: -L$${prefix}/lib -lnnc $(LIBS)'; } > $@

$(BUILD)/%.o: %.c | $(MADE) $(MADE_HEADERS)
	@mkdir -p $(@D)
	@echo "  cc $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: $(BUILD)/%.c | $(MADE_HEADERS)
	@echo "  cc $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Sources that are made, where a rule for other sources must not be tried first.
LIBRARY_OBJECTS = $(LIBRARIES:%=$(BUILD)/runtime/kernels/library_%.o)
EMULATED_OBJECTS = $(EMULATED:%=$(BUILD)/tests/unit/emulated_%.o)
MADE_OBJECTS = $(LIBRARY_OBJECTS) $(EMULATED_OBJECTS)
# Kernels inlined into each other: their variables double the time; of the tests', which are not debugged
# as long as those of a machine do the same, lines take another eighth.
$(LIBRARY_OBJECTS): ALL_CFLAGS += -g1
$(EMULATED_OBJECTS): ALL_CFLAGS += $(if $(SANITIZE),-g1,-g0)
$(MADE_OBJECTS): %.o: %.c | $(MADE_HEADERS)
	@echo "  cc $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What opens a library that can be missing is compiled anew when that comes or goes.
MATIO_MARK = $(BUILD)/matio_$(or $(MATIO),none)
SIXEL_MARK = $(BUILD)/sixel_$(or $(SIXEL),none)
$(BUILD)/runtime/data/mat.o: $(MATIO_MARK)
$(BUILD)/runtime/data/mat.o: ALL_CFLAGS += $(if $(MATIO),-DNNC_MATIO='"$(MATIO)"')
$(BUILD)/compiler/commands/pictures/sixel.o: $(SIXEL_MARK)
$(BUILD)/compiler/commands/pictures/sixel.o: ALL_CFLAGS += $(if $(SIXEL),-DNNC_SIXEL='"$(SIXEL)"')
$(MATIO_MARK) $(SIXEL_MARK):
	@mkdir -p $(@D)
	@rm -f $(BUILD)/$(firstword $(subst _, ,$(@F)))_*
	@touch $@

# The kernels that the JIT links to, once for each instruction set of this kind of machine.  The flags are private:
# making an object of one makes the texts of all.
KERNEL_FLAGS = -O3 -ffp-contract=fast
define LIBRARY_FLAGS
$(BUILD)/runtime/kernels/library_$(1).o $(BUILD)/runtime/kernels/library_$(1).i: \
    private ALL_CFLAGS += $$(KERNEL_FLAGS) $(shell sh $(PAGE_TABLES) flags runtime/kernels/config/$(1).h)
endef
$(foreach name, $(LIBRARIES), $(eval $(call LIBRARY_FLAGS,$(name))))

# The tiles of each target, of whatever vectors the C compiler has: for the tests alone.  Vectors wider than
# the least processor's are those of this machine, where it has them: cut into pieces they take twice the time to compile.
NATIVE := $(shell grep -q -w avx2 /proc/cpuinfo 2>/dev/null && $(CC) -march=native -E -x c /dev/null >/dev/null 2>&1 && echo -march=native)
$(filter $(BUILD)/tests/unit/emulated_avx%, $(EMULATED_OBJECTS)): ALL_CFLAGS += $(NATIVE)
$(EMULATED_OBJECTS): ALL_CFLAGS += -ffp-contract=fast -fstack-protector-all -Wno-psabi

# A library's text as the preprocessor leaves it, by which two are compared.
MADE_TEXTS = $(LIBRARIES:%=$(BUILD)/runtime/kernels/library_%.i) $(EMULATED:%=$(BUILD)/tests/unit/emulated_%.i)
$(MADE_TEXTS): $(KERNELS) $(BUILD)/runtime/kernels/simd/instruction_set.h Makefile
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -DNN_LIBRARY=nn_library $(patsubst emulated_%.i, -DNN_EMULATED -include runtime/kernels/config/%.h, \
	    $(filter emulated_%, $(@F))) -E -P -x c -o $@ runtime/kernels/library_table.h

# flex writes functions that it does not call.
$(BUILD)/front/lexer.o: ALL_CFLAGS += -Wno-unused-function -Wno-unused-parameter -Wno-sign-compare -Wno-implicit-fallthrough
$(BUILD)/front/lexer.o $(BUILD)/front/parser.o: ALL_CFLAGS += -Icompiler/front
$(BUILD)/front/lexer.o: $(BUILD)/front/parser.c

$(BUILD)/front/lexer.c: compiler/front/lexer.l
	@mkdir -p $(@D)
	@flex -o $@ --header-file=$(BUILD)/front/lexer.h $<

$(BUILD)/front/parser.c: compiler/front/parser.y
	@mkdir -p $(@D)
	@bison -Werror -o $@ --header=$(BUILD)/front/parser.h $<

# The messages of ONNX, as structs of C with a reader and a writer.
$(BUILD)/interop/onnx.pb-c.h: $(BUILD)/interop/onnx.pb-c.c
$(BUILD)/interop/onnx.pb-c.c: compiler/interop/onnx.proto
	@mkdir -p $(@D)
	@protoc-c --proto_path=$(<D) --c_out=$(@D) $(<F)

# ---- made from other files ---------------------------------------------------

# One line `const Op op_NAME` per operator; the table is in the order of names.
$(BUILD)/ops/op_table.c: $(OPS) Makefile
	@mkdir -p $(@D)
	@names=$$(sed -n 's/^const Op \(op_[A-Za-z0-9_]*\).*/\1/p' $(OPS) /dev/null | LC_ALL=C sort); \
	{ echo '#include "graph/op.h"'; \
	  for n in $$names; do echo "extern const Op $$n;"; done; \
	  echo 'const Op *const op_table[] = {'; \
	  for n in $$names; do echo "    &$$n,"; done; \
	  echo '    NULL};'; \
	  echo 'const int op_table_count = sizeof op_table / sizeof op_table[0] - 1;'; } > $@

# What the targets' pages say: the table of targets, the page that the C compiler's flags select,
# the libraries of kernels and, for each target, its costs where they are not the common ones.
$(BUILD)/graph/target_table.h: $(PAGES) $(PAGE_TABLES)
	@mkdir -p $(@D)
	@sh $(PAGE_TABLES) targets $(PAGES) > $@

$(BUILD)/runtime/kernels/simd/instruction_set.h: $(PAGES) $(PAGE_TABLES)
	@mkdir -p $(@D)
	@sh $(PAGE_TABLES) instructions $(PAGES) > $@

$(BUILD)/runtime/kernels/libraries.c: $(PAGES) $(PAGE_TABLES)
	@mkdir -p $(@D)
	@sh $(PAGE_TABLES) libraries $(PAGES) > $@

# Builds from before these were made files ask for them as sources.
runtime/kernels/library_%.c tests/unit/emulated_%.c: ;

# NAME.c of a library that falls through to BASE's: NAME.i and BASE.i are compared.
table_pair = $(1)$(firstword $(subst :, ,$(2))).c: $(patsubst %,$(1)%.i,$(subst :, ,$(2))) runtime/kernels/config/own_kernels.awk
$(foreach pair, $(BASES), $(eval $(call table_pair,$(BUILD)/runtime/kernels/library_,$(pair))))
$(foreach pair, $(EMULATED_BASES), $(eval $(call table_pair,$(BUILD)/tests/unit/emulated_,$(pair))))

$(LIBRARIES:%=$(BUILD)/runtime/kernels/library_%.c): $(BUILD)/runtime/kernels/library_%.c: $(LIBRARY_TEXT) Makefile
	@mkdir -p $(@D)
	@sh $(LIBRARY_TEXT) $* $(filter %.i, $^) > $@

$(BUILD)/graph/costs_%.c: runtime/kernels/config/%.h Makefile
	@mkdir -p $(@D)
	@{ echo '#include "graph/target.h"'; echo '#include "$<"'; \
	   echo '#ifndef NN_MACHINE_COSTS'; echo '#define NN_MACHINE_COSTS'; echo '#endif'; \
	   echo '#pragma GCC diagnostic ignored "-Woverride-init"'; \
	   echo 'extern const MachineCosts machine_costs_$*;'; \
	   echo 'const MachineCosts machine_costs_$* = {COMMON_COSTS, NN_MACHINE_COSTS};'; \
	   echo '#ifndef NN_DEVICE_MODEL'; echo '#define NN_DEVICE_MODEL'; echo '#endif'; \
	   echo 'extern const DeviceModel device_model_$*;'; \
	   echo 'const DeviceModel device_model_$* = {.stack = 0, NN_DEVICE_MODEL};'; } > $@

$(EMULATED:%=$(BUILD)/tests/unit/emulated_%.c): $(BUILD)/tests/unit/emulated_%.c: $(LIBRARY_TEXT) Makefile
	@mkdir -p $(@D)
	@{ echo '#define NN_EMULATED 1'; echo '#include "runtime/kernels/config/$*.h"'; \
	   sh $(LIBRARY_TEXT) emulated_$* $(filter %.i, $^); } > $@

$(BUILD)/tests/unit/emulated.c: $(PAGES) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "tests/unit/libraries.h"'; \
	   for n in $(EMULATED); do echo "extern const nn_symbol nn_library_emulated_$$n[];"; done; \
	   echo 'const nn_symbol *const emulated_libraries[] = {'; \
	   for n in $(EMULATED); do echo "    nn_library_emulated_$$n,"; done; \
	   echo '    NULL};'; } > $@

# A text as lines of C strings.
TO_STRINGS = sed 's/[\\"]/\\&/g; s/^/    "/; s/$$/\\n"/'

$(BUILD)/std/std_library.c: $(STD) Makefile
	@mkdir -p $(@D)
	@{ echo 'extern const char std_library_text[];'; echo 'const char std_library_text[] = ""'; \
	   cat $(STD) /dev/null | $(TO_STRINGS); echo '    ;'; } > $@

$(BUILD)/emit/nn_text.c: runtime/nn.h Makefile
	@mkdir -p $(@D)
	@{ echo '#include "emit/texts.h"'; echo 'const char nn_header_text[] = ""'; \
	   $(TO_STRINGS) $<; echo '    ;'; } > $@

$(BUILD)/commands/python_text.c: runtime/python/model.py Makefile
	@mkdir -p $(@D)
	@{ echo 'extern const char python_model_text[];'; echo 'const char python_model_text[] = ""'; \
	   $(TO_STRINGS) $<; echo '    ;'; } > $@

KERNEL_TEXTS = $(KERNELS) $(wildcard runtime/program/*.h) $(BUILD)/runtime/kernels/simd/instruction_set.h
$(BUILD)/emit/kernel_text.c: $(KERNEL_TEXTS) Makefile
	@mkdir -p $(@D)
	@{ echo '#include <stddef.h>'; echo '#include "emit/texts.h"'; \
	   echo 'const KernelText kernel_texts[] = {'; \
	   for k in $(KERNEL_TEXTS); do echo "    {\"$${k##*/}\", \"\""; $(TO_STRINGS) $$k; echo '    },'; done; \
	   echo '    {NULL, NULL}};'; \
	   echo 'const int kernel_text_count = sizeof kernel_texts / sizeof kernel_texts[0] - 1;'; } > $@

$(BUILD)/emit/reserved_names.c: compiler/emit/reserved_names.txt Makefile
	@mkdir -p $(@D)
	@{ echo '#include "emit/texts.h"'; \
	   echo 'const char *const reserved_names[] = {'; \
	   sed '/^#/d' $< | tr -s ' ' '\n' | sed '/^$$/d; s/.*/    "&",/' | LC_ALL=C sort -u; echo '    };'; \
	   echo 'const int reserved_name_count = sizeof reserved_names / sizeof reserved_names[0];'; } > $@

$(BUILD)/report/page_text.c: $(REPORT_PAGE) $(PAGE_SCRIPT) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "report/page_text.h"'; \
	   echo 'const char page_head_text[] = ""'; $(TO_STRINGS) compiler/report/page/head.html; echo '    ;'; \
	   echo 'const char page_foot_text[] = ""'; $(TO_STRINGS) compiler/report/page/foot.html; echo '    ;'; \
	   echo 'const char page_html_text[] = ""'; $(TO_STRINGS) compiler/report/page/page.html; echo '    ;'; \
	   echo 'const char page_style_text[] = ""'; $(TO_STRINGS) compiler/report/page/page.css; echo '    ;'; \
	   echo 'const char page_script_text[] = ""'; cat $(PAGE_SCRIPT) | $(TO_STRINGS); echo '    ;'; \
	   echo 'const char trace_html_text[] = ""'; $(TO_STRINGS) compiler/report/page/trace.html; echo '    ;'; \
	   echo 'const char trace_style_text[] = ""'; $(TO_STRINGS) compiler/report/page/trace.css; echo '    ;'; \
	   echo 'const char trace_script_text[] = ""'; $(TO_STRINGS) compiler/report/page/trace.js; echo '    ;'; \
	   echo 'const char certificate_html_text[] = ""'; $(TO_STRINGS) compiler/report/page/certificate.html; echo '    ;'; \
	   echo 'const char certificate_style_text[] = ""'; $(TO_STRINGS) compiler/report/page/certificate.css; echo '    ;'; \
	   echo 'const char certificate_script_text[] = ""'; $(TO_STRINGS) compiler/report/page/certificate.js; echo '    ;'; \
	   echo 'const char run_html_text[] = ""'; $(TO_STRINGS) compiler/report/page/run.html; echo '    ;'; \
	   echo 'const char run_style_text[] = ""'; $(TO_STRINGS) compiler/report/page/run.css; echo '    ;'; \
	   echo 'const char run_script_text[] = ""'; cat $(RUN_SCRIPT) | $(TO_STRINGS); echo '    ;'; } > $@

$(BUILD)/tests/unit/suites.c: $(UNIT_SOURCES) Makefile
	@mkdir -p $(@D)
	@names=$$(sed -n 's/^Suite \*\([A-Za-z0-9_]*_suite\)(void).*/\1/p' $(UNIT_SOURCES) /dev/null | LC_ALL=C sort -u); \
	{ echo '#include "tests/unit/suites.h"'; \
	  for n in $$names; do echo "Suite *$$n(void);"; done; \
	  echo 'const SuiteMaker suite_makers[] = {'; \
	  for n in $$names; do echo "    $$n,"; done; \
	  echo '    NULL};'; } > $@

# ---- using and testing -------------------------------------------------------

demo: all
	./$(PROGRAM) train dsl_examples/lenet.nn --epochs 5 -o $(BUILD)/lenet.safetensors

# Beside PyTorch and onnxruntime, where they are installed: see bench/run.sh.
bench: all
	@NNC=$(abspath $(PROGRAM)) CC="$(CC)" RESULTS="$(RESULTS)" sh bench/run.sh

# At -O2 gcc 12 takes what open_memstream gave for a dangling pointer.
$(UNIT_OBJECTS) $(FUZZ_OBJECTS): OPTIMIZE = -O1 -g

$(BUILD)/unit: $(UNIT_OBJECTS) $(LIBRARY)
	$(CC) $(SANITIZE) -o $@ $^ $(LDFLAGS) $(CHECK_LIBS) $(LIBS)

$(BUILD)/fuzz: $(FUZZ_OBJECTS) $(LIBRARY)
	$(CC) $(SANITIZE) -o $@ $^ $(LDFLAGS) $(LIBS)

# The targets of the fuzzer; without libFuzzer's main, one that runs files.
REPLAY = $(BUILD)/tests/fuzz_inputs/replay.o
$(INPUT_PROGRAMS): $(BUILD)/fuzz_inputs/%: $(BUILD)/tests/fuzz_inputs/%.o $(BUILD)/tests/fuzz_inputs/folder.o $(REPLAY) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) $(FUZZER) -o $@ $^ $(LDFLAGS) $(LIBS)

unit: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/unit
	$(BUILD)/unit

test: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/unit $(BUILD)/fuzz $(INPUT_PROGRAMS)
	@NNC=./$(PROGRAM) UNIT=$(BUILD)/unit FUZZ=$(BUILD)/fuzz REPLAY=$(BUILD)/fuzz_inputs CC="$(CC)" sh tests/run.sh

# The same sources with the sanitizers, in a directory of their own.
ASAN = BUILD=build/asan PROGRAM=build/asan/nnc OPTIMIZE="-O1 -g -fno-omit-frame-pointer" \
       KERNEL_FLAGS=-ffp-contract=fast SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
asan: $(BUILD)/tools.ok
	@$(MAKE) --no-print-directory -j$(JOBS) $(ASAN) build/asan/nnc build/asan/unit build/asan/fuzz
	@NNC=build/asan/nnc UNIT=build/asan/unit FUZZ=build/asan/fuzz CC="$(CC)" sh tests/asan.sh

lint:
	@sh tests/lint_modules.sh
	@sh tests/lint_calls.sh
	@sh tests/lint_sizes.sh
	@sh tests/lint_names.sh
	@clang-format --dry-run -Werror $$(find compiler runtime tests bench -name '*.[ch]')
	@shellcheck -x -s dash -S warning $$(find tests bench runtime -name '*.sh') .ci/run

# More random nets than `make test` tries, and others each time.
fuzz: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/fuzz
	FUZZ=$(BUILD)/fuzz sh tests/fuzz/run.sh 3000 $$(date +%s)

# libFuzzer, a minute for each target: needs clang.  What it finds is left in build/libfuzzer.
# FUZZ_TIME=0 FUZZ_RUNS=1000000: as many executions, however long they take.
# No target runs kernels: these are compiled as fast as can be.
FUZZ_TIME = 60
LIBFUZZER = BUILD=build/libfuzzer CC=clang OPTIMIZE="-O1 -g -fno-omit-frame-pointer" KERNEL_FLAGS="-O0 -fno-sanitize=all" \
            SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
            FUZZER=-fsanitize=fuzzer REPLAY=
fuzz-inputs: $(BUILD)/tools.ok
	@$(MAKE) --no-print-directory -j$(JOBS) $(LIBFUZZER) $(INPUT_TARGETS:%=build/libfuzzer/fuzz_inputs/%)
	@FUZZ_TIME=$(FUZZ_TIME) FUZZ_RUNS=$(FUZZ_RUNS) sh tests/fuzz_inputs/libfuzzer.sh $(INPUT_TARGETS)

valgrind: all
	@NNC=./$(PROGRAM) sh tests/valgrind.sh

# Every reference by the system compiler, too: a quarter of an hour.
refs: all
	@ALL=1 NNC=./$(PROGRAM) sh tests/refs/run.sh

# Every example for every target at -O2 and -O3, without a warning: more than an hour.
warnings: all
	@ALL=1 NNC=./$(PROGRAM) CC="$(CC)" sh tests/warnings/run.sh

# The parts of `make test` that leave something out, with all of it: half an hour and more.
THOROUGH = export families generated jit killed names pages quantize ranks recipes resume ship small stats targets
$(THOROUGH:%=thorough-%): thorough-%: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/unit
	@ALL=1 NNC=./$(PROGRAM) UNIT=$(BUILD)/unit CC="$(CC)" sh tests/$*/run.sh

thorough-unit: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/unit
	ALL=1 CC="$(CC)" $(BUILD)/unit "same bits" profiles kernels

thorough: $(THOROUGH:%=thorough-%) thorough-unit

check-deb: all
	@sh tests/install/deb.sh

# Models beside onnxruntime, where it is installed: more than an hour with all of torchvision's.
check-onnx: all
	@ALL=1 NNC=./$(PROGRAM) sh tests/onnx/run.sh
	@NNC=./$(PROGRAM) CC="$(CC)" sh tests/onnx/faces.sh
	@NNC=./$(PROGRAM) sh tests/onnx/onnxruntime.sh

# All of it, what takes least first; goes on where it was broken off.
THIS_MAKE = $(MAKE) # a recipe that names it is run by make -n, too
check-all:
	@MAKE="$(strip $(THIS_MAKE))" CHECKS=$(BUILD)/checks sh tests/check_all.sh lint test $(THOROUGH:%=thorough-%) thorough-unit \
	    refs check-deb fuzz valgrind asan check-onnx warnings

# What is installed below DESTDIR and PREFIX; uninstall takes away the same.
SHARE = $(DESTDIR)$(PREFIX)/share
DOC = $(SHARE)/doc/nnc
INCLUDE = $(DESTDIR)$(PREFIX)/include
LIB = $(DESTDIR)$(PREFIX)/lib
INSTALLED = $(DESTDIR)$(PREFIX)/bin/nnc $(INCLUDE)/nn.h $(INCLUDE)/nnc.h $(LIB)/libnnc.a $(LIB)/pkgconfig/nnc.pc $(LIB)/nnc $(SHARE)/nnc $(DOC) \
            $(SHARE)/man/man1/nnc.1 $(SHARE)/bash-completion/completions/nnc \
            $(SHARE)/zsh/site-functions/_nnc $(SHARE)/fish/vendor_completions.d/nnc.fish

install: all
	@$(MAKE) --no-print-directory -j$(JOBS) $(PUBLIC_LIBRARY)
	@$(MAKE) --no-print-directory -B $(BUILD)/nnc.pc
	install -d $(DESTDIR)$(PREFIX)/bin $(INCLUDE) $(LIB)/pkgconfig $(SHARE)/nnc/digits $(SHARE)/man/man1 \
	    $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d \
	    $(DOC)/docs/pages $(DOC)/dsl_examples/exercises
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/nnc
	install -m 644 runtime/nn.h compiler/library/nnc.h $(INCLUDE)
	install -m 644 $(PUBLIC_LIBRARY) $(LIB)
	install -m 644 $(BUILD)/nnc.pc $(LIB)/pkgconfig
	$(if $(MPI_LIBRARY),install -d $(LIB)/nnc && install -m 644 $(MPI_LIBRARY) $(LIB)/nnc)
	install -m 644 $(wildcard dsl_examples/data/digits/*) $(SHARE)/nnc/digits
	install -m 644 README.md CHANGELOG.md LICENSE $(DOC)
	install -m 644 $(wildcard docs/*.*) $(DOC)/docs
	install -m 644 $(wildcard docs/pages/*.html) $(DOC)/docs/pages
	install -m 644 $(wildcard dsl_examples/*.nn dsl_examples/*.csv dsl_examples/*.py) $(DOC)/dsl_examples
	install -m 644 $(wildcard dsl_examples/exercises/*.nn) $(DOC)/dsl_examples/exercises
	./$(PROGRAM) help --man >$(SHARE)/man/man1/nnc.1
	./$(PROGRAM) help --completion bash >$(SHARE)/bash-completion/completions/nnc
	./$(PROGRAM) help --completion zsh >$(SHARE)/zsh/site-functions/_nnc
	./$(PROGRAM) help --completion fish >$(SHARE)/fish/vendor_completions.d/nnc.fish

uninstall:
	rm -rf $(INSTALLED)

# A package for this machine's Debian or Ubuntu, in $(BUILD)/deb.
deb: all
	@sh packaging/deb.sh $(VERSION) $(VERSION_DATE) $(BUILD)/deb

clean:
	rm -rf build nnc

-include $(OBJECTS:.o=.d) $(UNIT_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d) $(BUILD)/compiler/main.d
