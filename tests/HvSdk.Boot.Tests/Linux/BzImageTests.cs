namespace HvSdk.Boot.Tests;

public class BzImageTests
{
    private static readonly LinuxBootOptions s_inGuest = new() { Unpacking = KernelUnpacking.InGuest };

    [Fact]
    public void Load_BzImage_PutsTheCodeToItsPreferredAddressAndEntersItIn64BitMode()
    {
        using var bench = new LoadBench();
        byte[] file = new BzImageBuilder().Build();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_inGuest);

        X64BootState state = bench.Load(image);

        Assert.Equal("Linux bzImage, protocol 2.15", image.Format);
        Assert.Equal(file[BzImageBuilder.CodeOffset..], bench.Read(0x100_0000, file.Length - BzImageBuilder.CodeOffset));
        Assert.Equal(0x100_0200UL, state.Registers.Rip);
        Assert.Equal(X64Flags.Reserved1, state.Registers.Rflags);
        AssertLongMode(bench, state);
    }

    [Fact]
    public void Load_BzImage_FillsTheZeroPage()
    {
        using var bench = new LoadBench();
        byte[] file = new BzImageBuilder().Build();
        byte[] initrd = LoadBench.Noise(0x12345);
        using LinuxImage image = LinuxImage.ReadBzImage(
            BootFile.FromMemory(file), s_inGuest with { CommandLine = "console=ttyS0 quiet", InitialRamDisk = BootFile.FromMemory(initrd) });

        X64BootState state = bench.Load(image);

        byte[] page = bench.Read(state.Registers.Rsi, 4096);
        Assert.True(state.Registers.Rsi < 0x9_0000);
        Assert.Equal(file.AsSpan(0x1F1, 9), page.AsSpan(0x1F1, 9)); // the header as it was, up to vid_mode
        Assert.Equal(file.AsSpan(0x1FC, 0x14), page.AsSpan(0x1FC, 0x14)); // up to type_of_loader
        Assert.Equal(file.AsSpan(0x22C, 0x24), page.AsSpan(0x22C, 0x24)); // from initrd_addr_max up to setup_data
        Assert.Equal(0xFF, page[0x210]);
        Assert.Equal(0, page[0x1EF]); // the sentinel: the kernel would clear fields
        Assert.Equal(0x100_0000U, BitConverter.ToUInt32(page, 0x214));
        Assert.Equal(0xE_0000UL, BitConverter.ToUInt64(page, 0x70));
        Assert.Equal("console=ttyS0 quiet", bench.ReadText(BitConverter.ToUInt32(page, 0x228)));
        Assert.Equal(0U, BitConverter.ToUInt32(page, 0xC8));

        ulong initrdAddress = BitConverter.ToUInt32(page, 0x218);
        Assert.Equal(0x400_0000UL - 0x13000, initrdAddress); // as high as it goes, on a page
        Assert.Equal((uint)initrd.Length, BitConverter.ToUInt32(page, 0x21C));
        Assert.Equal(initrd, bench.Read(initrdAddress, initrd.Length));

        Assert.Equal(3, page[0x1E8]);
        for (int i = 0; i < 3; i++)
        {
            MemoryMapEntry entry = bench.Machine.MemoryMap[i];
            Assert.Equal(entry.Address, BitConverter.ToUInt64(page, 0x2D0 + (i * 20)));
            Assert.Equal(entry.Size, BitConverter.ToUInt64(page, 0x2D0 + (i * 20) + 8));
            Assert.Equal((uint)entry.Kind, BitConverter.ToUInt32(page, 0x2D0 + (i * 20) + 16));
        }
    }

    [Fact]
    public void Load_MapOfMoreThan128Ranges_GoesOnInSetupData()
    {
        MemoryMapEntry[] map = [.. LoadBench.Map(64).MemoryMap, .. Enumerable.Range(0, 200).Select(i =>
            new MemoryMapEntry(0x1_0000_0000 + ((ulong)i * 0x2000), 0x1000, i % 2 == 0 ? MemoryMapKind.Reserved : MemoryMapKind.AcpiNonVolatile))];
        using var bench = new LoadBench(new BootMachine { MemoryMap = map });
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest);

        byte[] page = bench.Read(bench.Load(image).Registers.Rsi, 4096);

        Assert.Equal(128, page[0x1E8]);
        ulong more = BitConverter.ToUInt64(page, 0x250);
        Assert.NotEqual(0UL, more);
        byte[] data = bench.Read(more, 16 + (75 * 20));
        Assert.Equal(0UL, BitConverter.ToUInt64(data)); // no further one
        Assert.Equal(1U, BitConverter.ToUInt32(data, 8)); // SETUP_E820_EXT
        Assert.Equal(75U * 20, BitConverter.ToUInt32(data, 12));
        for (int i = 0; i < 75; i++)
        {
            Assert.Equal(map[128 + i].Address, BitConverter.ToUInt64(data, 16 + (i * 20)));
            Assert.Equal((uint)map[128 + i].Kind, BitConverter.ToUInt32(data, 16 + (i * 20) + 16));
        }
    }

    [Fact]
    public void Load_PreferredAddressIsReserved_PutsARelocatableKernelBehindIt()
    {
        BootMachine machine = WithHole(0x100_0000, 0x1000);
        using var bench = new LoadBench(machine);
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest);

        X64BootState state = bench.Load(image);

        Assert.Equal(0x120_0200UL, state.Registers.Rip); // the next multiple of kernel_alignment
        Assert.Equal(0x120_0000U, bench.Memory.Read<uint>(state.Registers.Rsi + 0x214));
    }

    [Fact]
    public void FindProblems_PreferredAddressOfAKernelThatCannotBeMovedIsReserved_NamesTheRange()
    {
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder { IsRelocatable = false }.Build()), s_inGuest);

        string problem = Assert.Single(image.FindProblems(WithHole(0x110_0000, 0x1000)));

        Assert.Contains("cannot be moved", problem);
        Assert.Contains("Reserved from 0x1100000", problem);
        Assert.Empty(image.FindProblems(LoadBench.Map(64)));
    }

    [Fact]
    public void FindProblems_LessRamThanInitSize_SaysHowMuchIsNeeded()
    {
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder { InitSize = 48 << 20 }.Build()), s_inGuest);

        Assert.Empty(image.FindProblems(LoadBench.Map(64)));
        string problem = Assert.Single(image.FindProblems(LoadBench.Map(63)));
        Assert.Contains("needs 48 MiB of free RAM between 0x1000000 and 0x100000000", problem);
    }

    [Fact]
    public void FindProblems_CommandLineLongerThanTheKernelTakes_SaysBothLengths()
    {
        byte[] file = new BzImageBuilder { CommandLineSize = 255 }.Build();
        using LinuxImage fits = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_inGuest with { CommandLine = new string('x', 255) });
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_inGuest with { CommandLine = new string('x', 256) });

        Assert.Empty(fits.FindProblems(LoadBench.Map(64)));
        Assert.Equal("The command line has 256 bytes, and the kernel takes 255. Shorten it.", Assert.Single(image.FindProblems(LoadBench.Map(64))));
    }

    [Fact]
    public void FindProblems_InitialRamDiskThatDoesNotFit_SaysSoAndLoadThrowsTheSame()
    {
        using var bench = new LoadBench(32);
        using LinuxImage image = LinuxImage.ReadBzImage(
            BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with { InitialRamDisk = BootFile.FromMemory(new byte[20 << 20]) });

        string problem = Assert.Single(image.FindProblems(bench.Machine));
        Assert.StartsWith("The initial RAM disk needs 20 MiB of free RAM", problem);
        Assert.Equal(problem, Assert.Throws<InvalidOperationException>(() => bench.Load(image)).Message);
    }

    [Fact]
    public void FindProblems_SeveralThings_NamesThemAll()
    {
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with
        {
            CommandLine = new string('x', 5000),
            InitialRamDisk = BootFile.FromMemory(new byte[20 << 20]),
        });

        Assert.Equal(3, image.FindProblems(LoadBench.Map(8)).Count);
    }

    [Theory]
    [InlineData(1, 0x17FF_FFFF, 0x1800_0000UL)] // XLF_KERNEL_64 alone: below initrd_addr_max
    [InlineData(3, 0x17FF_FFFF, 0x2000_0000UL)] // and XLF_CAN_BE_LOADED_ABOVE_4G: as high as there is RAM below 4 GiB
    public void Load_InitialRamDisk_LiesAsHighAsTheKernelReadsIt(ushort flags, uint max, ulong expectedEnd)
    {
        using var bench = new LoadBench(512);
        byte[] file = new BzImageBuilder { LoadFlags64 = flags, InitrdMax = max }.Build();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(file), s_inGuest with { InitialRamDisk = BootFile.FromMemory(new byte[0x3000]) });

        Assert.Equal(expectedEnd - 0x3000, bench.Memory.Read<uint>(bench.Load(image).Registers.Rsi + 0x218));
    }

    [Fact]
    public void Load_InitialRamDiskTooLargeForTheRamBelow4GiB_GoesAboveWhereTheKernelTakesIt()
    {
        using var bench = new LoadBench(32, 64);
        byte[] content = LoadBench.Noise(20 << 20);
        using LinuxImage image = LinuxImage.ReadBzImage(
            BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with { InitialRamDisk = BootFile.FromMemory(content) });

        ulong page = bench.Load(image).Registers.Rsi;

        ulong address = bench.Memory.Read<uint>(page + 0x218) | ((ulong)bench.Memory.Read<uint>(page + 0xC0) << 32);
        Assert.Equal((1UL << 32) + (44 << 20), address);
        Assert.Equal(content, bench.Read(address, content.Length));
    }

    [Fact]
    public void Load_SecondTime_GivesTheSame()
    {
        using var first = new LoadBench();
        using var second = new LoadBench();
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with { CommandLine = "a" });

        Assert.Equal(first.Load(image), second.Load(image));
        Assert.Equal(first.Read(0, 0xA_0000), second.Read(0, 0xA_0000));
    }

    [Fact]
    public void Load_WithProgress_ReportsEachStepToItsEnd()
    {
        using var bench = new LoadBench();
        var heard = new List<BootProgress>();
        using LinuxImage image = LinuxImage.ReadBzImage(
            BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with { InitialRamDisk = BootFile.FromMemory(new byte[9 << 20]) });

        image.Load(bench.Machine, bench.Memory, new Listener(heard));

        Assert.Equal(["loading the kernel", "loading the initial RAM disk"], heard.Select(static p => p.Step).Distinct());
        Assert.All(heard.GroupBy(static p => p.Step), static step => Assert.Equal(step.Last().Total, step.Last().Done));
        Assert.Equal([4 << 20, 8 << 20, 9 << 20], heard.Where(static p => p.Step == "loading the initial RAM disk").Select(static p => p.Done));
    }

    [Fact]
    public void Load_CancelledInBetween_Throws()
    {
        using var bench = new LoadBench();
        using var cancel = new CancellationTokenSource();
        var heard = new List<BootProgress>();
        using LinuxImage image = LinuxImage.ReadBzImage(
            BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest with { InitialRamDisk = BootFile.FromMemory(new byte[30 << 20]) });

        Assert.Throws<OperationCanceledException>(() => image.Load(bench.Machine, bench.Memory, new Listener(heard, cancel, 3), cancel.Token));
        Assert.Equal(3, heard.Count);
    }

    [Fact]
    public void Load_MemoryOfTheMapIsNotMapped_Throws()
    {
        using var bench = new LoadBench(16);
        using LinuxImage image = LinuxImage.ReadBzImage(BootFile.FromMemory(new BzImageBuilder().Build()), s_inGuest);

        var e = Assert.Throws<InvalidOperationException>(() => image.Load(LoadBench.Map(64), bench.Memory));
        Assert.StartsWith("No memory is mapped at 0x1000000", e.Message);
    }

    [Fact]
    public void Dispose_OfAnImage_ClosesItsFiles()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new BzImageBuilder().Build());
            BootFile file = BootFile.Open(path);
            LinuxImage.ReadBzImage(file).Dispose();

            Assert.Throws<ObjectDisposedException>(() => file.Read(0, new byte[1]));
        }
        finally
        {
            File.Delete(path);
        }
    }

    internal static void AssertLongMode(LoadBench bench, X64BootState state)
    {
        X64SpecialRegisters special = state.SpecialRegisters!.Value;
        Assert.True(special.Cs is { Selector: 0x10, IsLong: true, IsDefault32: false });
        Assert.Equal(0x18, special.Ds.Selector);
        Assert.Equal(special.Ds, special.Ss);
        Assert.Equal(X64Efer.LongModeEnable | X64Efer.LongModeActive, special.Efer);
        Assert.Equal(0x00AF_9B00_0000_FFFFUL, bench.Memory.Read<ulong>(special.Gdt.Base + 0x10));
        Assert.Equal(0x00CF_9300_0000_FFFFUL, bench.Memory.Read<ulong>(special.Gdt.Base + 0x18));
        foreach (ulong address in (ulong[])[0, 0x7_0000, 0x1FF_FFFF, 0xC000_0000, 0xFFFF_FFFF])
        {
            Assert.Equal(address, Translate(bench, special.Cr3, address));
        }
    }

    /// <summary>Walks page tables of 4 levels that end in pages of 2 MiB.</summary>
    internal static ulong? Translate(LoadBench bench, ulong root, ulong address)
    {
        ulong table = root;
        for (int shift = 39; shift >= 21; shift -= 9)
        {
            ulong entry = bench.Memory.Read<ulong>(table + (((address >> shift) & 511) * 8));
            if ((entry & 1) == 0)
            {
                return null;
            }

            Assert.Equal(shift == 21, (entry & 0x80) != 0);
            table = entry & 0xF_FFFF_FFFF_F000;
        }

        return table + (address & 0x1F_FFFF);
    }

    internal static BootMachine WithHole(ulong address, ulong size)
    {
        const ulong End = 64 << 20;
        return new BootMachine
        {
            MemoryMap =
            [
                new(0, 0xA_0000, MemoryMapKind.Usable),
                new(0x10_0000, address - 0x10_0000, MemoryMapKind.Usable),
                new(address, size, MemoryMapKind.Reserved),
                new(address + size, End - address - size, MemoryMapKind.Usable),
            ],
        };
    }

    private sealed class Listener(List<BootProgress> heard, CancellationTokenSource? cancel = null, int after = 0) : IProgress<BootProgress>
    {
        public void Report(BootProgress value)
        {
            heard.Add(value);
            if (heard.Count == after)
            {
                cancel?.Cancel();
            }
        }
    }
}
