# SPDX-License-Identifier: Apache-2.0
"""The declarations of the package against the headers: every function, struct, enum, number."""
import ctypes
import os
import pathlib
import re
import subprocess
import sys

import pytest

import libamp
from libamp import _ffi, _structs, context, image

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "abi"))
import symbols  # noqa: E402  (found through the line above)

HEADERS = sorted((SOURCE / "include" / "amp").glob("*.h"))
TEXT = "\n".join(symbols.strip_comments(path.read_text(encoding="ascii")) for path in HEADERS)
SCALARS = {"int8_t": ctypes.c_int8, "uint8_t": ctypes.c_uint8, "int32_t": ctypes.c_int32,
           "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t,
           "float": ctypes.c_float, "double": ctypes.c_double, "amp_status": ctypes.c_int32}


def prototypes():
    found = {}
    for header in HEADERS:
        for name, declaration, _ in symbols.prototypes(header):
            assert name not in found
            found[name] = declaration
    return found


def split(arguments):
    """The texts between the commas."""
    return [] if arguments.strip() in ("", "void") else [a.strip() for a in arguments.split(",")]


def kind_of_text(declaration, named):
    """"const char *const *names" -> ("char", 2); with `named`, the last word is a name."""
    words = re.findall(r"\w+|\*", re.sub(r"\b(const|struct)\b", " ", declaration))
    if named and words[-1] != "*" and len([w for w in words if w != "*"]) > 1:
        words.pop()
    base = [word for word in words if word != "*"]
    assert len(base) == 1, declaration
    return base[0], words.count("*")


def kind_of_type(ctype):
    """A ctypes type in the same terms."""
    if ctype is None:
        return ("void", 0)
    if ctype is ctypes.c_char_p:
        return ("char", 1)
    if ctype is ctypes.c_void_p:
        return ("void", 1)
    if hasattr(ctype, "contents"):
        base, stars = kind_of_type(ctype._type_)
        return (base, stars + 1)
    if ctype is ctypes.c_char:
        return ("char", 0)
    if issubclass(ctype, ctypes.Structure):
        return (ctype.__name__, 0)
    for name in ("amp_log_fn", "amp_progress_fn", "amp_train_fn"):
        if ctype is getattr(_structs, name):
            return (name, 0)
    return (ctype, 0)


def kinds(declaration):
    """("int32_t" as its ctypes type, ...): what ctypes can tell apart."""
    base, stars = declaration
    return (SCALARS.get(base, base), stars)


def test_every_function_is_declared():
    assert sorted(_ffi.PROTOTYPES) == sorted(prototypes())


@pytest.mark.parametrize("name", sorted(_ffi.PROTOTYPES))
def test_prototype(name):
    result, arguments = _ffi.PROTOTYPES[name]
    match = re.match(rf"(.*?)\b{name} ?\((.*)\)$", prototypes()[name])
    assert kinds(kind_of_type(result)) == kinds(kind_of_text(match.group(1), False))
    wanted = [kinds(kind_of_text(argument, True)) for argument in split(match.group(2))]
    assert [kinds(kind_of_type(argument)) for argument in arguments] == wanted


def test_prototypes_are_set():
    for name, (result, arguments) in _ffi.PROTOTYPES.items():
        if name in _ffi.TRAINING and not libamp.has_training():
            continue
        function = getattr(_ffi.lib, name)
        assert function.restype is result and tuple(function.argtypes) == arguments


def test_ctypes_releases_the_gil():
    assert type(_ffi.lib) is ctypes.CDLL


def public_structs():
    """{name: [member]} of the structs that the headers lay open."""
    found = {}
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\} \1;", TEXT, flags=re.S):
        members = []
        for line in match.group(2).split(";"):
            names = re.findall(r"(\w+)(?:\[\d+\])?\s*(?:,|$)", line.strip())
            members += names
        found[match.group(1)] = members
    return found


def callbacks():
    return set(re.findall(r"typedef [^;]*?\(\*(amp_\w+)\)", TEXT))


def test_every_struct_is_declared():
    laid_open = public_structs()
    assert len(laid_open) > 10
    for name, members in laid_open.items():
        assert [field[0] for field in getattr(_structs, name)._fields_] == members, name
    opaque = set(re.findall(r"typedef struct (\w+) \1;", TEXT))
    mirrored = {name for name, value in vars(_structs).items()
                if isinstance(value, type) and issubclass(value, ctypes.Structure)
                and name.startswith("amp_")}
    assert mirrored == set(laid_open) | opaque


def test_every_callback_is_declared():
    assert callbacks() == {name for name in vars(_structs) if name.endswith("_fn")}


def probe(folder, expressions):
    """Each C expression's value, from a program compiled with the headers."""
    source = folder / "probe.c"
    lines = "".join(f'    printf("%lld\\n", (long long)({expression}));\n'
                    for expression in expressions)
    source.write_text("#include <amp/amp.h>\n#include <stdio.h>\n"
                      f"int main(void)\n{{\n{lines}    return 0;\n}}\n", encoding="ascii")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-std=c11", f"-I{SOURCE}/include", str(source), "-o",
                    str(folder / "probe")], check=True)
    out = subprocess.run([folder / "probe"], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in out.split()]


def test_layouts(tmp_path):
    """Sizes of structs, sizes and offsets of members."""
    expressions, wanted = [], []
    for name, members in public_structs().items():
        mirror = getattr(_structs, name)
        expressions.append(f"sizeof({name})")
        wanted.append(ctypes.sizeof(mirror))
        for member in members:
            expressions += [f"offsetof({name}, {member})", f"sizeof((({name} *)0)->{member})"]
            field = getattr(mirror, member)
            wanted += [field.offset, field.size]
    assert len(expressions) > 150
    found = probe(tmp_path, expressions)
    assert dict(zip(expressions, found)) == dict(zip(expressions, wanted))


def test_numbers(tmp_path):
    """Enums, statuses and limits that the package repeats."""
    wanted = {f"AMP_VERDICT_{v.name}": v for v in libamp.Verdict}
    wanted |= {f"AMP_FILTER_{f.name}": f for f in libamp.Filter}
    wanted |= {f"AMP_LOG_{name.upper()}": level for name, level in context._LEVELS.items()}
    wanted |= {"AMP_TRAIN_STEP": 0, "AMP_TRAIN_EPOCH": 1, "AMP_ABI_VERSION": _ffi.ABI,
               "AMP_ALPHA_COMPOSITE": image.image_options(background=(1, 2, 3)).alpha}
    for kind in libamp.AmpError.__subclasses__():
        wanted[kind("").name] = kind.default_status
    found = probe(tmp_path, list(wanted))
    assert dict(zip(wanted, found)) == {key: int(value) for key, value in wanted.items()}
    for prefix, count in (("VERDICT", len(libamp.Verdict)), ("FILTER", len(libamp.Filter)),
                          ("LOG", len(context._LEVELS))):
        assert len(set(re.findall(rf"\bAMP_{prefix}_\w+ = ", TEXT))) == count
    statuses = set(re.findall(r"X\((AMP_E_\w+),", TEXT))
    assert statuses <= set(wanted)


def test_versions():
    assert libamp.library_version() == libamp.__version__
    assert libamp.__version__ in libamp.build_info()


def test_every_method_is_listed():
    names = [row.name for row in libamp.methods()]
    assert names[0] == "amp" and len(set(names)) == len(names)
    assert all(row.help for row in libamp.methods())
