using HvSdk.Backends;

namespace HvSdk.Tests.Arm64;

/// <summary>The encodings are those of the GNU assembler.</summary>
public sealed class Arm64MmioAccessTests
{
    [Theory]
    [InlineData(0xB940_0023, "ldr w3, [x1]", "load 4 to X3")]
    [InlineData(0xF940_0023, "ldr x3, [x1]", "load 8 to X3")]
    [InlineData(0x3940_0044, "ldrb w4, [x2]", "load 1 to X4")]
    [InlineData(0x7940_0444, "ldrh w4, [x2, #2]", "load 2 to X4")]
    [InlineData(0x39C0_0045, "ldrsb w5, [x2]", "load 1 signed to 32 bits of X5")]
    [InlineData(0x3980_0045, "ldrsb x5, [x2]", "load 1 signed to 64 bits of X5")]
    [InlineData(0x7980_0046, "ldrsh x6, [x2]", "load 2 signed to 64 bits of X6")]
    [InlineData(0xB980_0047, "ldrsw x7, [x2]", "load 4 signed to 64 bits of X7")]
    [InlineData(0xB900_003F, "str wzr, [x1]", "store 4 from X31")]
    [InlineData(0x3900_0029, "strb w9, [x1]", "store 1 from X9")]
    [InlineData(0x7900_0029, "strh w9, [x1]", "store 2 from X9")]
    [InlineData(0xF900_07E9, "str x9, [sp, #8]", "store 8 from X9")]
    [InlineData(0xF86C_796A, "ldr x10, [x11, x12, lsl #3]", "load 8 to X10")]
    [InlineData(0xB82C_D96A, "str w10, [x11, w12, sxtw #2]", "store 4 from X10")]
    [InlineData(0xB85F_D041, "ldur w1, [x2, #-3]", "load 4 to X1")]
    [InlineData(0xF840_0841, "ldtr x1, [x2]", "load 8 to X1")]
    [InlineData(0x5800_0005, "ldr x5, .", "load 8 to X5")]
    [InlineData(0x9800_0005, "ldrsw x5, .", "load 4 signed to 64 bits of X5")]
    [InlineData(0x9C00_0005, "ldr q5, .", "load 16 to V5")]
    public void Decode_PlainForm_GivesSizeRegisterAndSign(uint instruction, string text, string expected) => AssertDecodes(instruction, text, expected);

    [Theory]
    [InlineData(0xF840_8441, "ldr x1, [x2], #8", "load 8 to X1, X2 += 8")]
    [InlineData(0xB85F_CC41, "ldr w1, [x2, #-4]!", "load 4 to X1, X2 += -4")]
    [InlineData(0x3801_07E1, "strb w1, [sp], #16", "store 1 from X1, X31 += 16")]
    [InlineData(0xF810_0C41, "str x1, [x2, #-256]!", "store 8 from X1, X2 += -256")]
    [InlineData(0x3C81_045F, "str q31, [x2], #16", "store 16 from V31, X2 += 16")]
    public void Decode_IndexedForm_TellsTheBase(uint instruction, string text, string expected) => AssertDecodes(instruction, text, expected);

    [Theory]
    [InlineData(0x2940_0861, "ldp w1, w2, [x3]", "load 4 to X1 and X2")]
    [InlineData(0xA941_0861, "ldp x1, x2, [x3, #16]", "load 8 to X1 and X2")]
    [InlineData(0xA9BF_0BE1, "stp x1, x2, [sp, #-16]!", "store 8 from X1 and X2, X31 += -16")]
    [InlineData(0xA8C2_7BFD, "ldp x29, x30, [sp], #32", "load 8 to X29 and X30, X31 += 32")]
    [InlineData(0x6940_0861, "ldpsw x1, x2, [x3]", "load 4 signed to 64 bits of X1 and X2")]
    [InlineData(0xA840_0861, "ldnp x1, x2, [x3]", "load 8 to X1 and X2")]
    [InlineData(0x2900_7C1F, "stp wzr, wzr, [x0]", "store 4 from X31 and X31")]
    [InlineData(0x2D40_0861, "ldp s1, s2, [x3]", "load 4 to V1 and V2")]
    [InlineData(0x6D40_0861, "ldp d1, d2, [x3]", "load 8 to V1 and V2")]
    [InlineData(0xADBF_0861, "stp q1, q2, [x3, #-32]!", "store 16 from V1 and V2, X3 += -32")]
    public void Decode_Pair_TellsBothRegisters(uint instruction, string text, string expected) => AssertDecodes(instruction, text, expected);

    [Theory]
    [InlineData(0x3D40_0041, "ldr b1, [x2]", "load 1 to V1")]
    [InlineData(0x7D40_0041, "ldr h1, [x2]", "load 2 to V1")]
    [InlineData(0xBD40_0041, "ldr s1, [x2]", "load 4 to V1")]
    [InlineData(0xFD40_0041, "ldr d1, [x2]", "load 8 to V1")]
    [InlineData(0x3DC0_0041, "ldr q1, [x2]", "load 16 to V1")]
    [InlineData(0x88DF_FC41, "ldar w1, [x2]", "load 4 to X1")]
    [InlineData(0x08DF_FC41, "ldarb w1, [x2]", "load 1 to X1")]
    [InlineData(0xC89F_FC41, "stlr x1, [x2]", "store 8 from X1")]
    [InlineData(0xB8BF_C041, "ldapr w1, [x2]", "load 4 to X1")]
    public void Decode_SimdAndOrdered_GivesSizeAndRegister(uint instruction, string text, string expected) => AssertDecodes(instruction, text, expected);

    [Theory]
    [InlineData(0x885F_7C41, "ldxr w1, [x2]")]
    [InlineData(0x8800_7C41, "stxr w0, w1, [x2]")]
    [InlineData(0xC85F_FC41, "ldaxr x1, [x2]")]
    [InlineData(0xC87F_0861, "ldxp x1, x2, [x3]")]
    [InlineData(0xB821_0062, "ldadd w1, w2, [x3]")]
    [InlineData(0xF821_8062, "swp x1, x2, [x3]")]
    [InlineData(0x88A1_7C62, "cas w1, w2, [x3]")]
    [InlineData(0x4C40_7020, "ld1 {v0.16b}, [x1]")]
    [InlineData(0xF980_0020, "prfm pldl1keep, [x1]")]
    [InlineData(0xD800_0000, "prfm pldl1keep, .")]
    [InlineData(0x6900_0861, "stgp x1, x2, [x3]")]
    [InlineData(0xD920_0841, "stg x1, [x2]")]
    [InlineData(0xD50B_7420, "dc zva, x0")]
    [InlineData(0xF820_0441, "ldraa x1, [x2]")]
    [InlineData(0xD503_201F, "nop")]
    public void Decode_WhatNoDeviceCanAnswer_IsRefused(uint instruction, string text) =>
        Assert.False(Arm64MmioAccess.TryDecode(instruction, out _), text);

    [Fact]
    public void Decode_AnyBits_NeverThrowsAndStaysInRange()
    {
        var random = new Random(1);
        for (int i = 0; i < 1_000_000; i++)
        {
            uint instruction = (uint)random.NextInt64(1L << 32);
            if (!Arm64MmioAccess.TryDecode(instruction, out Arm64MmioAccess access))
            {
                continue;
            }

            Assert.True(
                access is { Size: 1 or 2 or 4 or 8 or 16, Register: >= 0 and <= 31, SecondRegister: >= -1 and <= 31, BaseRegister: >= -1 and <= 31, WriteBack: >= -1024 and <= 1008 }
                && (access.IsSimd || access.Size <= 8) && !(access.IsWrite && access.IsSigned) && (access.BaseRegister >= 0 || access.WriteBack == 0),
                $"0x{instruction:X8}: {access}");
        }
    }

    [Theory]
    [InlineData(0x9380_0007, "load 4 to X0")] // SAS 2, no SSE, no SF, read
    [InlineData(0x93DF_8047, "store 8 from X31")]
    [InlineData(0x9321_0007, "load 1 signed to 32 bits of X1")]
    [InlineData(0x9361_8007, "load 2 signed to 64 bits of X1")]
    public void FromSyndrome_DescribedAccess_GivesTheSame(ulong syndrome, string expected)
    {
        var parsed = new Arm64Syndrome(syndrome);
        Assert.Equal(Arm64ExceptionClass.DataAbort, parsed.Class);
        Assert.True(parsed.DescribesAccess);
        Assert.Equal(expected, Describe(Arm64MmioAccess.FromSyndrome(parsed)));
    }

    [Fact]
    public void Extend_EachSizeAndSign_FillsTheRegister()
    {
        Assert.Equal(0x80UL, new Arm64MmioAccess { Size = 1 }.Extend(0x80));
        Assert.Equal(0xFFFF_FF80UL, new Arm64MmioAccess { Size = 1, IsSigned = true }.Extend(0x80));
        Assert.Equal(0xFFFF_FFFF_FFFF_FF80UL, new Arm64MmioAccess { Size = 1, IsSigned = true, Is64Bit = true }.Extend(0x80));
        Assert.Equal(0xFFFF_FFFF_8000_0000UL, new Arm64MmioAccess { Size = 4, IsSigned = true, Is64Bit = true }.Extend(0x8000_0000));
        Assert.Equal(0x7FUL, new Arm64MmioAccess { Size = 1, IsSigned = true, Is64Bit = true }.Extend(0x7F));
        Assert.Equal(ulong.MaxValue, new Arm64MmioAccess { Size = 8 }.Extend(ulong.MaxValue));
    }

    private static void AssertDecodes(uint instruction, string text, string expected)
    {
        Assert.True(Arm64MmioAccess.TryDecode(instruction, out Arm64MmioAccess access), text);
        Assert.Equal((text, expected), (text, Describe(access)));
    }

    private static string Describe(Arm64MmioAccess access)
    {
        string Name(int register) => $"{(access.IsSimd ? 'V' : 'X')}{register}";
        string registers = access.Count == 1 ? Name(access.Register) : $"{Name(access.Register)} and {Name(access.SecondRegister)}";
        string sign = access.IsSigned ? $" signed to {(access.Is64Bit ? 64 : 32)} bits of {registers}" : $" {(access.IsWrite ? "from" : "to")} {registers}";
        string back = access.BaseRegister >= 0 ? $", X{access.BaseRegister} += {access.WriteBack}" : "";
        return $"{(access.IsWrite ? "store" : "load")} {access.Size}{sign}{back}";
    }
}
