/* The few Windows types that winhvplatform.h needs, with Windows' sizes, so that Debian's unmodified header compiles on Linux. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t UINT8;
typedef uint16_t UINT16, USHORT, WCHAR; /* WCHAR has 16 bits on Windows */
typedef uint32_t UINT32, ULONG, DWORD;
typedef unsigned long long UINT64;
typedef int32_t LONG, HRESULT, BOOL, WINBOOL;
typedef void VOID, *PVOID, *HANDLE;
typedef struct { uint32_t Data1; uint16_t Data2, Data3; uint8_t Data4[8]; } GUID;
typedef struct { uint32_t LowPart; int32_t HighPart; } LUID;
typedef int DEVICE_POWER_STATE;

#define WINAPI
#define CALLBACK
#define ANYSIZE_ARRAY 1
#define C_ASSERT(e) _Static_assert(e, #e)
#define __C89_NAMELESS
#define DECLSPEC_ALIGN(n) __attribute__((aligned(n)))
#define DEFINE_ENUM_FLAG_OPERATORS(type)
#define WINAPI_FAMILY_PARTITION(x) 1
