namespace HvSdk.Boot.Tests;

public class LinuxElfTests
{
    [Fact]
    public void Load_ByThe64BitProtocol_LoadsTheSegmentsAndMakesAZeroPage()
    {
        using var bench = new LoadBench();
        bench.Dirty(0x100_0000, 0x60_0000);
        byte[] initrd = LoadBench.Noise(5000);
        ElfBuilder elf = ElfBuilder.Kernel();
        using LinuxImage image = LinuxImage.ReadElf(
            BootFile.FromMemory(elf.Build()), LinuxElfEntry.Bits64, new() { CommandLine = "quiet", InitialRamDisk = BootFile.FromMemory(initrd) });

        X64BootState state = bench.Load(image);

        Assert.Equal("Linux ELF kernel, 64-bit entry", image.Format);
        Assert.Equal(0x100_0000UL, state.Registers.Rip);
        Assert.Equal(elf.Segments[0].Content, bench.Read(0x100_0000, elf.Segments[0].Content.Length));
        byte[] data = bench.Read(0x140_0000, 0x1800 + 0x2345);
        Assert.Equal(elf.Segments[1].Content, data[..0x1800]);
        Assert.Equal(-1, data.AsSpan(0x1800).IndexOfAnyExcept((byte)0));
        Assert.Equal(0xA5, bench.Memory.Read<byte>(0x140_0000 + 0x1800 + 0x2345));
        BzImageTests.AssertLongMode(bench, state);

        byte[] page = bench.Read(state.Registers.Rsi, 4096);
        Assert.Equal(0xAA55, BitConverter.ToUInt16(page, 0x1FE));
        Assert.Equal("HdrS", System.Text.Encoding.ASCII.GetString(page, 0x202, 4));
        Assert.Equal(0xFF, page[0x210]);
        Assert.Equal("quiet", bench.ReadText(BitConverter.ToUInt32(page, 0x228)));
        Assert.Equal(initrd, bench.Read(BitConverter.ToUInt32(page, 0x218), initrd.Length));
        Assert.Equal(3, page[0x1E8]);
    }

    [Fact]
    public void Load_ByPvh_EntersIn32BitModeWithTheStartInformation()
    {
        using var bench = new LoadBench();
        byte[] initrd = LoadBench.Noise(5000);
        using LinuxImage image = LinuxImage.ReadElf(
            BootFile.FromMemory(ElfBuilder.Kernel().Build()), LinuxElfEntry.Pvh, new() { CommandLine = "quiet", InitialRamDisk = BootFile.FromMemory(initrd) });

        X64BootState state = bench.Load(image);

        Assert.Equal("ELF kernel, entered by PVH", image.Format);
        Assert.Equal(0x100_0040UL, state.Registers.Rip);
        AssertProtectedMode(state);
        ulong at = state.Registers.Rbx;
        Assert.Equal(0x336E_C578U, bench.Memory.Read<uint>(at));
        Assert.Equal(1U, bench.Memory.Read<uint>(at + 4)); // version
        Assert.Equal(0U, bench.Memory.Read<uint>(at + 8)); // flags
        Assert.Equal(1U, bench.Memory.Read<uint>(at + 12)); // modules
        ulong module = bench.Memory.Read<ulong>(at + 16);
        Assert.Equal("quiet", bench.ReadText(bench.Memory.Read<ulong>(at + 24)));
        Assert.Equal(0xE_0000UL, bench.Memory.Read<ulong>(at + 32)); // RSDP
        ulong map = bench.Memory.Read<ulong>(at + 40);
        Assert.Equal(3U, bench.Memory.Read<uint>(at + 48));
        Assert.Equal((ulong)initrd.Length, bench.Memory.Read<ulong>(module + 8));
        Assert.Equal(initrd, bench.Read(bench.Memory.Read<ulong>(module), initrd.Length));
        for (int i = 0; i < 3; i++)
        {
            MemoryMapEntry entry = bench.Machine.MemoryMap[i];
            Assert.Equal(entry.Address, bench.Memory.Read<ulong>(map + ((ulong)i * 24)));
            Assert.Equal(entry.Size, bench.Memory.Read<ulong>(map + ((ulong)i * 24) + 8));
            Assert.Equal((uint)entry.Kind, bench.Memory.Read<uint>(map + ((ulong)i * 24) + 16));
        }
    }

    [Fact]
    public void Load_ByPvhWithoutInitialRamDisk_NamesNoModule()
    {
        using var bench = new LoadBench();
        using LinuxImage image = LinuxImage.ReadElf(BootFile.FromMemory(ElfBuilder.Kernel().Build()), LinuxElfEntry.Pvh);

        ulong at = bench.Load(image).Registers.Rbx;

        Assert.Equal(0U, bench.Memory.Read<uint>(at + 12));
        Assert.Equal(0UL, bench.Memory.Read<ulong>(at + 16));
    }

    [Fact]
    public void ReadElf_KernelWithoutTheNoteForPvh_SaysSo()
    {
        ElfBuilder elf = ElfBuilder.Kernel();
        elf.Segments[^1] = ElfBuilder.XenNote(3, new byte[8]);

        BootImageException e = Fail(elf, LinuxElfEntry.Pvh);

        Assert.Contains("none of type XEN_ELFNOTE_PHYS32_ENTRY", e.Found);
        Assert.Contains("CONFIG_PVH", e.Expected);
    }

    [Theory]
    [InlineData(0x0000_0000)]
    [InlineData(0x0FFF_FFFF)]
    public void ReadElf_PvhEntryOutsideOfTheSegments_IsAnError(uint entry)
    {
        ElfBuilder elf = ElfBuilder.Kernel();
        elf.Segments[^1] = ElfBuilder.XenNote(18, BitConverter.GetBytes(entry));

        Assert.Equal("note XEN_ELFNOTE_PHYS32_ENTRY", Fail(elf, LinuxElfEntry.Pvh).Field);
    }

    [Fact]
    public void ReadElf_32BitKernelByThe64BitProtocol_IsRefused()
    {
        var elf = new ElfBuilder { Is64 = false, Machine = 3, Segments = { new TestSegment(0x100_0000, new byte[16]) } };

        Assert.Contains("a 32-bit kernel", Fail(elf, LinuxElfEntry.Bits64).Found);
    }

    [Theory]
    [InlineData(183, "arm64")]
    [InlineData(40, "arm")]
    [InlineData(243, "RISC-V")]
    public void ReadElf_KernelForAnotherMachine_SaysWhich(ushort machine, string name)
    {
        BootImageException e = Fail(new ElfBuilder { Machine = machine, Segments = { new TestSegment(0x100_0000, new byte[16]) } }, LinuxElfEntry.Bits64);

        Assert.Equal("e_machine", e.Field);
        Assert.Contains(name, e.Found);
    }

    [Fact]
    public void ReadElf_MemoryShorterThanFile_IsAnError() =>
        AssertFails("program header 0 p_memsz", new TestSegment(0x100_0000, new byte[0x100]) { MemorySize = 0xFF });

    [Fact]
    public void ReadElf_SegmentThatWrapsAround_IsAnError() =>
        AssertFails("program header 0 p_memsz", new TestSegment(0x100_0000, new byte[0x100]) { MemorySize = ulong.MaxValue });

    [Fact]
    public void ReadElf_SegmentBehindTheFile_IsAnError() =>
        AssertFails("program header 0 p_offset", new TestSegment(0x100_0000, new byte[0x100]) { FileOffset = 1UL << 63 });

    [Fact]
    public void ReadElf_SegmentLongerThanTheFile_IsAnError() =>
        AssertFails("program header 0 p_filesz", new TestSegment(0x100_0000, new byte[0x100]) { FileSize = ulong.MaxValue, MemorySize = ulong.MaxValue });

    [Fact]
    public void ReadElf_SegmentsThatOverlap_IsAnError() =>
        AssertFails("p_paddr", new TestSegment(0x100_0000, new byte[0x1000]), new TestSegment(0x100_0FFF, new byte[0x10]));

    [Fact]
    public void ReadElf_NoSegments_IsAnError() => AssertFails("e_phnum", ElfBuilder.XenNote(18, new byte[4]));

    [Fact]
    public void ReadElf_EntryOutsideOfTheSegments_IsAnError() => AssertFails("e_entry", new TestSegment(0x200_0000, new byte[0x1000]));

    [Fact]
    public void ReadElf_RelocatableObject_IsAnError()
    {
        var elf = new ElfBuilder { FileType = 1, Segments = { new TestSegment(0x100_0000, new byte[16]) } };

        Assert.Equal("e_type", Fail(elf, LinuxElfEntry.Bits64).Field);
    }

    [Theory]
    [InlineData(0x9_F000UL, "Reserved")]
    [InlineData(0x7FF_F000UL, "no RAM")]
    [InlineData(0xFFFF_FFFF_FFFF_0000UL, "no RAM")]
    public void FindProblems_SegmentOutsideOfRam_SaysWhy(ulong address, string why)
    {
        var elf = new ElfBuilder { Entry = address, Segments = { new TestSegment(address, new byte[0x1800]) } };
        using LinuxImage image = LinuxImage.ReadElf(BootFile.FromMemory(elf.Build()), LinuxElfEntry.Bits64);

        IReadOnlyList<string> problems = image.FindProblems(LoadBench.Map(64));

        Assert.Contains(problems, problem => problem.StartsWith($"The kernel's segment 0 goes to 0x{address:X}", StringComparison.Ordinal) && problem.Contains(why));
    }

    internal static void AssertProtectedMode(X64BootState state)
    {
        X64SpecialRegisters special = state.SpecialRegisters!.Value;
        Assert.Equal(X64Cr0.ProtectionEnable | X64Cr0.ExtensionType, special.Cr0);
        Assert.Equal(0UL, special.Cr4);
        Assert.Equal(0UL, special.Efer);
        Assert.True(special.Cs is { Base: 0, Limit: uint.MaxValue, IsDefault32: true, IsLong: false });
        Assert.True(special.Ds is { Base: 0, Limit: uint.MaxValue, IsDefault32: true });
        Assert.Equal(special.Ds, special.Ss);
        Assert.Equal(0x67U, special.Tr.Limit);
        Assert.Equal(X64Flags.Reserved1, state.Registers.Rflags);
    }

    private static void AssertFails(string field, params TestSegment[] segments) =>
        Assert.Equal(field, Fail(new ElfBuilder { Segments = [.. segments] }, LinuxElfEntry.Bits64).Field);

    private static BootImageException Fail(ElfBuilder elf, LinuxElfEntry entry) =>
        Assert.Throws<BootImageException>(() => LinuxImage.ReadElf(BootFile.FromMemory(elf.Build()), entry));
}
