using HvSdk.Devices;

namespace HvSdk.Boot.Tests.DeviceTrees;

public sealed class DeviceTreeTests
{
    /// <summary>Each byte by hand, from the Devicetree Specification 0.4, 5.2 to 5.6.</summary>
    [Fact]
    public void ToArray_SmallTree_IsTheSpecificationsLayout()
    {
        var tree = new DeviceTree { BootProcessor = 3 };
        tree.Reserve(0x1_0000_0000, 0x2000);
        tree.Root.Set("a", 0x0102_0304).Set("bc");
        tree.Root.Add("n@1").Set("a", "xy", "z");

        byte[] expected =
        [
            0xD0, 0x0D, 0xFE, 0xED, // magic
            0, 0, 0, 0x8D, // totalsize
            0, 0, 0, 0x48, // off_dt_struct
            0, 0, 0, 0x88, // off_dt_strings
            0, 0, 0, 0x28, // off_mem_rsvmap
            0, 0, 0, 17, // version
            0, 0, 0, 16, // last_comp_version
            0, 0, 0, 3, // boot_cpuid_phys
            0, 0, 0, 5, // size_dt_strings
            0, 0, 0, 0x40, // size_dt_struct
            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, // a reservation
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // the last
            0, 0, 0, 1, 0, 0, 0, 0, // FDT_BEGIN_NODE ""
            0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 1, 2, 3, 4, // FDT_PROP a, one cell
            0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, // FDT_PROP bc, empty
            0, 0, 0, 1, (byte)'n', (byte)'@', (byte)'1', 0, // FDT_BEGIN_NODE
            0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, (byte)'x', (byte)'y', 0, (byte)'z', 0, 0, 0, 0, // FDT_PROP a, strings, padded
            0, 0, 0, 2, // FDT_END_NODE
            0, 0, 0, 2,
            0, 0, 0, 9, // FDT_END
            (byte)'a', 0, (byte)'b', (byte)'c', 0,
        ];
        expected[7] = (byte)expected.Length;
        int strings = expected.Length - 5;
        expected[15] = (byte)strings;
        expected[39] = (byte)(strings - 0x48);
        Assert.Equal(expected, tree.ToArray());
    }

    [Fact]
    public void Copy_ChangedAfterwards_LeavesTheFirst()
    {
        var tree = new DeviceTree();
        DeviceTreeNode clock = tree.Root.Add("clock");
        Assert.Equal(1U, clock.Phandle);
        byte[] before = tree.ToArray();

        DeviceTree copy = tree.Copy();
        Assert.Equal(before, copy.ToArray());
        copy.Root.Add("more").Set("x", 1);
        copy.Reserve(0, 1);

        Assert.Equal(before, tree.ToArray());
        Assert.Equal(1U, copy.Root.Find("clock")!.Phandle);
        Assert.Equal(2U, copy.Root.Find("more")!.Phandle);
    }

    [Fact]
    public void Set_Again_ReplacesTheValue()
    {
        var tree = new DeviceTree();
        tree.Root.Set("x", 1).Set("x", "text");
        Assert.Equal(["text"], Assert.IsType<DeviceTreeValue.Texts>(tree.Root.Get("x")).Values);
        Assert.Single(tree.Root.Properties);
    }

    [Fact]
    public void SetNumbers_OfSixtyFourBits_AreTwoCellsEach()
    {
        var tree = new DeviceTree();
        tree.Root.SetNumbers("reg", 0x1_2345_6789, 2);
        Assert.Equal([1U, 0x2345_6789U, 0, 2], Assert.IsType<DeviceTreeValue.Cells>(tree.Root.Get("reg")).Values);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1st")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a@")]
    [InlineData("@1")]
    [InlineData("a@1@2")]
    [InlineData("a\0")]
    [InlineData("abcdefghijklmnopqrstuvwxyz012345")]
    public void Add_NameThatIsNone_SaysWhatIsOne(string name)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new DeviceTree().Root.Add(name));
        Assert.Contains("1 to 31 characters", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a@b")]
    [InlineData("abcdefghijklmnopqrstuvwxyz012345")]
    [InlineData("phandle")]
    public void Set_NameThatIsNone_SaysSo(string name) => Assert.Throws<ArgumentException>(() => new DeviceTree().Root.Set(name));

    [Fact]
    public void Set_TextWithAZero_NamesTheProperty()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => new DeviceTree().Root.Set("bootargs", "a\0b"));
        Assert.Contains("bootargs", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_SameNameTwice_NamesIt()
    {
        var tree = new DeviceTree();
        tree.Root.Add("cpu@0");
        Assert.Contains("cpu@0", Assert.Throws<ArgumentException>(() => tree.Root.Add("cpu@0")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_TooDeep_IsRefused()
    {
        DeviceTreeNode node = new DeviceTree().Root;
        for (int i = 0; i < 63; i++)
        {
            node = node.Add("n");
        }

        Assert.Contains("63 deep", Assert.Throws<InvalidOperationException>(() => node.Add("n")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reserve_EmptyOrBeyondTheLastAddress_IsRefused()
    {
        var tree = new DeviceTree();
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Reserve(0x1000, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Reserve(ulong.MaxValue, 2));
        tree.Reserve(ulong.MaxValue, 1);
    }

    [Fact]
    public void ToArray_MoreThanTwoMegabytes_IsRefused()
    {
        var tree = new DeviceTree();
        tree.Root.Set("x", DeviceTreeValue.Of(new byte[DeviceTree.MaxSize].AsMemory()));
        Assert.Contains("2 MiB", Assert.Throws<InvalidOperationException>(tree.ToArray).Message, StringComparison.Ordinal);
    }
}
