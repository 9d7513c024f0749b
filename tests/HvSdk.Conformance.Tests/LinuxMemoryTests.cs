using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>What Linux says of the memory that the KVM backend got for a region.</summary>
public sealed class LinuxMemoryTests
{
    private const ulong Here = 0x4000_0000;
    private const int HugePage = 2 << 20;

    public LinuxMemoryTests() => LiveHypervisor.SkipUnlessBackend("KVM");

    [Fact]
    public void Transparent_Region_IsAdvisedToBeHuge()
    {
        using var machine = new TestMachine();
        MemoryRegion asked = machine.Memory.Map(Here, 2 * HugePage, new MemoryRegionOptions { HugePages = HugePages.Transparent });
        MemoryRegion plain = machine.Memory.Map(2 * Here, 2 * HugePage);

        Assert.Contains("hg", Flags(asked));
        Assert.DoesNotContain("hg", Flags(plain));
    }

    [Theory]
    [InlineData(HugePage)]
    [InlineData(HugePage + 0x1000)]
    [InlineData(16 * HugePage)]
    public void Anonymous_HugePageOrMore_StartsWhereHugePagesDo(int size)
    {
        using var machine = new TestMachine();
        MemoryRegion region = machine.Memory.Map(Here, (ulong)size);

        // The first and the last byte are there, and the guest can be shown its RAM in huge pages.
        region.Write(0, [1]);
        region.Write(region.Size - 1, [1]);
        Assert.Equal(0, Start(region) % HugePage);
    }

    [Fact]
    public void Populate_Region_IsInMemoryBeforeItIsTouched()
    {
        using var machine = new TestMachine();
        MemoryRegion populated = machine.Memory.Map(Here, HugePage, new MemoryRegionOptions { Populate = true, Backing = MemoryBacking.Shareable });
        MemoryRegion plain = machine.Memory.Map(2 * Here, HugePage, new MemoryRegionOptions { Backing = MemoryBacking.Shareable });

        Assert.Equal(HugePage, Resident(populated));
        Assert.Equal(0, Resident(plain));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Discard_OfPartOfARegion_LeavesTheRestResident(bool isShareable)
    {
        using var machine = new TestMachine();
        MemoryRegion region = machine.Memory.Map(Here, 4 * HugePage, new MemoryRegionOptions { Populate = true, Backing = isShareable ? MemoryBacking.Shareable : MemoryBacking.Anonymous });
        Assert.Equal(4 * HugePage, Resident(region));

        Assert.True(region.TryDiscard(HugePage, 2 * HugePage));
        Assert.True(region.TryDiscard(0, 0x3000));

        Assert.Equal((2 * HugePage) - 0x3000, Resident(region));
    }

    [Fact]
    public void Size2MiB_MoreThanSetAside_IsRefusedWithRemedy()
    {
        using var machine = new TestMachine();
        const string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
        ulong available = Read(pool + "free_hugepages") + Read(pool + "nr_overcommit_hugepages");
        ulong size = (available + 1) * HugePage;

        HypervisorException anonymous = Assert.Throws<HypervisorException>(
            () => machine.Memory.Map(Here, size, new MemoryRegionOptions { HugePages = HugePages.Size2MiB }));
        HypervisorException shareable = Assert.Throws<HypervisorException>(
            () => machine.Memory.Map(Here, size, new MemoryRegionOptions { HugePages = HugePages.Size2MiB, Backing = MemoryBacking.Shareable }));

        Assert.Contains("huge pages", anonymous.Remedy, StringComparison.Ordinal);
        Assert.Contains("huge pages", shareable.Remedy, StringComparison.Ordinal);
        Assert.Null(machine.Memory.Find(Here));
    }

    [Fact]
    public void Size2MiB_OddSize_IsRefused()
    {
        using var machine = new TestMachine();

        ArgumentException exception = Assert.Throws<ArgumentException>(
            () => machine.Memory.Map(Here, HugePage + 0x1000, new MemoryRegionOptions { HugePages = HugePages.Size2MiB }));

        Assert.Contains("0x200000", exception.Message, StringComparison.Ordinal);
    }

    private static ulong Read(string path) => ulong.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture);

    private static string[] Flags(MemoryRegion region) => Field(region, "VmFlags").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static int Resident(MemoryRegion region) => int.Parse(Field(region, "Rss").Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024;

    private static nint Start(MemoryRegion region)
    {
        nint address = 0;
        region.AccessInPlace(0, 0, 0, (span, _) => address = (nint)AddressOf(span));
        return address;
    }

    /// <summary>A line of /proc/self/smaps, from the mapping that begins where the region does.</summary>
    private static string Field(MemoryRegion region, string name)
    {
        nuint address = 0;
        region.AccessInPlace(0, 0, 0, (span, _) => address = AddressOf(span));
        bool isInside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] words = line.Split(' ', 2);
            if (words[0].Contains('-', StringComparison.Ordinal))
            {
                string[] range = words[0].Split('-');
                isInside = Parse(range[0]) <= address && address < Parse(range[1]);
            }
            else if (isInside && words[0] == name + ":")
            {
                return words[1].Trim();
            }
        }

        throw new InvalidOperationException($"/proc/self/smaps says no {name} of the mapping at 0x{address:X}.");
    }

    private static nuint Parse(string hexadecimal) => nuint.Parse(hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    // SAFETY: the address is looked up as a number, and never read through. Memory outside the managed heap does not move.
    private static unsafe nuint AddressOf(Span<byte> span) => (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));
}
