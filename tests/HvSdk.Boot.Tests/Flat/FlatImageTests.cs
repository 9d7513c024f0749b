namespace HvSdk.Boot.Tests;

public class FlatImageTests
{
    private static readonly byte[] s_content = LoadBench.Noise(0x2345);

    [Theory]
    [InlineData(0x7C00UL, null, 0, 0x7C00UL)]
    [InlineData(0x7C00UL, 0x7C3EUL, 0, 0x7C3EUL)]
    [InlineData(0x2_0000UL, null, 0x2000, 0UL)]
    [InlineData(0x2_0000UL, 0x2_0123UL, 0x2012, 3UL)]
    public void Load_InRealMode_EntersBySegmentAndOffset(ulong address, ulong? entry, int segment, ulong rip)
    {
        using var bench = new LoadBench();

        X64BootState state = bench.Load(Read(FlatImageMode.Real, address, entry));

        Assert.Equal(s_content, bench.Read(address, s_content.Length));
        X64SpecialRegisters special = state.SpecialRegisters!.Value;
        Assert.Equal(X64Cr0.ExtensionType, special.Cr0);
        Assert.Equal(segment, special.Cs.Selector);
        Assert.Equal((ulong)segment << 4, special.Cs.Base);
        Assert.Equal(segment, special.Ds.Selector);
        Assert.Equal(rip, state.Registers.Rip);
        Assert.Equal(0x9_F000UL, special.Ss.Base);
        Assert.Equal(0x1000UL, state.Registers.Rsp);
    }

    [Fact]
    public void Load_InProtectedMode_EntersFlat()
    {
        using var bench = new LoadBench();

        X64BootState state = bench.Load(Read(FlatImageMode.Protected, 0x10_0000, 0x10_0004));

        Assert.Equal(0x10_0004UL, state.Registers.Rip);
        LinuxElfTests.AssertProtectedMode(state);
        Assert.InRange(state.Registers.Rsp, 0x1000UL, 0x9_0000UL);
    }

    [Theory]
    [InlineData(0x10_0000UL)]
    [InlineData(0x1000UL)] // where the tables would go
    [InlineData(0x1_0010_0000UL)] // above 4 GiB
    public void Load_InLongMode_SeesTheImageAtItsOwnAddress(ulong address)
    {
        using var bench = new LoadBench(64, 64);

        X64BootState state = bench.Load(Read(FlatImageMode.Long, address));

        Assert.Equal(address, state.Registers.Rip);
        BzImageTests.AssertLongMode(bench, state);
        Assert.Equal(s_content, bench.Read(BzImageTests.Translate(bench, state.SpecialRegisters!.Value.Cr3, address)!.Value, s_content.Length));
        Assert.Null(BzImageTests.Translate(bench, state.SpecialRegisters!.Value.Cr3, 0x1_4000_0000));
    }

    [Fact]
    public void Load_InLongModeBeyond512GiB_SeesTheImage()
    {
        const ulong Address = 0x83_FFFF_F000; // reaches into another GiB
        using var bench = new LoadBench(new BootMachine
        {
            MemoryMap = [new(0, 0xA_0000, MemoryMapKind.Usable), new(Address, 0x10_0000, MemoryMapKind.Usable)],
        });

        X64BootState state = bench.Load(Read(FlatImageMode.Long, Address));

        ulong root = state.SpecialRegisters!.Value.Cr3;
        Assert.Equal(Address, BzImageTests.Translate(bench, root, Address));
        Assert.Equal(Address + 0x1000, BzImageTests.Translate(bench, root, Address + 0x1000));
    }

    [Fact]
    public void FindProblems_AddressesThatNoIdentityMapHolds_SaysSo()
    {
        const ulong Address = 1UL << 47;
        using FlatImage image = Read(FlatImageMode.Long, Address);
        var machine = new BootMachine { MemoryMap = [new(0, 0xA_0000, MemoryMapKind.Usable), new(Address, 0x10_0000, MemoryMapKind.Usable)] };

        Assert.Contains("an identity map ends there", Assert.Single(image.FindProblems(machine)));
    }

    [Theory]
    [InlineData(0x9_F000UL, "Reserved")]
    [InlineData(0x3FF_F000UL, "no RAM")]
    public void FindProblems_ImageOutsideOfRam_SaysWhy(ulong address, string why)
    {
        using FlatImage image = Read(FlatImageMode.Protected, address);

        Assert.Contains(why, Assert.Single(image.FindProblems(LoadBench.Map(64))));
    }

    [Theory]
    [InlineData(FlatImageMode.Real, 0x10_0000UL, null)]
    [InlineData(FlatImageMode.Protected, 0x1_0000_0000UL, null)]
    [InlineData(FlatImageMode.Long, 0x10_0000UL, 0xF_FFFFUL)]
    [InlineData(FlatImageMode.Long, 0x10_0000UL, 0x10_2345UL)]
    [InlineData((FlatImageMode)7, 0x10_0000UL, null)]
    public void Read_AddressesThatDoNotGoTogether_IsTheCallersMistake(FlatImageMode mode, ulong address, ulong? entry) =>
        Assert.ThrowsAny<ArgumentException>(() => Read(mode, address, entry));

    [Fact]
    public void Read_EmptyFile_IsAnError() =>
        Assert.Throws<BootImageException>(() => FlatImage.Read(BootFile.FromMemory(default), new() { Mode = FlatImageMode.Real, LoadAddress = 0x7C00 }));

    private static FlatImage Read(FlatImageMode mode, ulong address, ulong? entry = null) =>
        FlatImage.Read(BootFile.FromMemory(s_content), new() { Mode = mode, LoadAddress = address, EntryPoint = entry });
}
