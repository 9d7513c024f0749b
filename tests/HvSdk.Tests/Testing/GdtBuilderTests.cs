using HvSdk.Testing;
using Xunit;

namespace HvSdk.Tests.Testing;

/// <summary>Expected values were put together by hand from the "Segment Descriptor" figures of Intel SDM vol. 3A.</summary>
public sealed class GdtBuilderTests
{
    [Theory]
    [InlineData(GuestSelectors.KernelCode, false, 0x00CF_9B00_0000_FFFFUL)]
    [InlineData(GuestSelectors.KernelCode, true, 0x00AF_9B00_0000_FFFFUL)]
    [InlineData(GuestSelectors.UserCode, false, 0x00CF_FB00_0000_FFFFUL)]
    [InlineData(GuestSelectors.UserCode, true, 0x00AF_FB00_0000_FFFFUL)]
    public void Encode_FlatCode_IsTheKnownDescriptor(ushort selector, bool isLong, ulong expected) =>
        Assert.Equal(expected, GdtBuilder.Encode(X64Segment.FlatCode(selector, isLong)));

    [Theory]
    [InlineData(GuestSelectors.KernelData, 0x00CF_9300_0000_FFFFUL)]
    [InlineData(GuestSelectors.UserData, 0x00CF_F300_0000_FFFFUL)]
    public void Encode_FlatData_IsTheKnownDescriptor(ushort selector, ulong expected) =>
        Assert.Equal(expected, GdtBuilder.Encode(X64Segment.FlatData(selector)));

    [Fact]
    public void Encode_EveryFieldDistinct_PutsEachInItsPlace()
    {
        X64Segment segment = new()
        {
            Base = 0x1234_5678,
            Limit = 0xA_BCDE,
            Type = 0x2,
            PrivilegeLevel = 2,
            IsCodeOrData = true,
            IsPresent = true,
            IsAvailable = true,
        };
        Assert.Equal(0x121A_D234_5678_BCDEUL, GdtBuilder.Encode(segment));
    }

    [Fact]
    public void Encode_BaseOrLimitWithoutRoom_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => GdtBuilder.Encode(new() { Base = 1UL << 32 }));
        Assert.Throws<ArgumentException>(() => GdtBuilder.Encode(new() { Limit = 0x10_0000 }));
        Assert.Throws<ArgumentException>(() => GdtBuilder.Encode(new() { Limit = 0x10_0000, IsGranular = true }));
        Assert.Throws<ArgumentException>(() => GdtBuilder.Encode(new() { Type = 16 }));
    }

    [Fact]
    public void Add_UserSegmentAfterNull_ReturnsSelectorWithItsLevel()
    {
        GdtBuilder gdt = new();
        Assert.Equal(0x08, gdt.Add(X64Segment.FlatData(0x10)));
        Assert.Equal(0x13, gdt.Add(X64Segment.FlatData(0x1B)));
        byte[] table = gdt.Build();
        Assert.Equal(24, table.Length);
        Assert.Equal(new byte[8], table[..8]);
        Assert.Equal([0xFF, 0xFF, 0, 0, 0, 0x93, 0xCF, 0], table[8..16]);
        Assert.Equal([0xFF, 0xFF, 0, 0, 0, 0xF3, 0xCF, 0], table[16..]);
    }

    [Fact]
    public void AddLongSystem_BaseAbove4GiB_TakesTwoEntries()
    {
        GdtBuilder gdt = new();
        X64Segment tss = new() { Base = 0xFFFF_8000_1234_5678, Limit = 0x67, Type = 9, IsPresent = true };
        Assert.Equal(0x08, gdt.AddLongSystem(tss));
        Assert.Equal(
            [0x67, 0, 0x78, 0x56, 0x34, 0x89, 0, 0x12, 0x00, 0x80, 0xFF, 0xFF, 0, 0, 0, 0],
            gdt.Build()[8..]);
        Assert.Throws<ArgumentException>(() => gdt.AddLongSystem(X64Segment.FlatData(0x10)));
    }

    [Fact]
    public void Add_MoreThan8192Descriptors_IsRefused()
    {
        GdtBuilder gdt = new();
        for (int i = 1; i < 8192; i++)
        {
            gdt.Add(X64Segment.FlatData(0));
        }

        Assert.Throws<InvalidOperationException>(() => gdt.Add(X64Segment.FlatData(0)));
        Assert.Equal(0x1_0000, gdt.Build().Length);
    }
}
