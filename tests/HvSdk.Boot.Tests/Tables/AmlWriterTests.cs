using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>AML byte by byte (ACPI 6.5, chapter 20).</summary>
public sealed class AmlWriterTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(1, "01")]
    [InlineData(2, "0A02")]
    [InlineData(0xFF, "0AFF")]
    [InlineData(0x100, "0B0001")]
    [InlineData(0xFFFF, "0BFFFF")]
    [InlineData(0x1_0000, "0C00000100")]
    [InlineData(0xFFFF_FFFF, "0CFFFFFFFF")]
    [InlineData(0x1_0000_0000, "0E0000000001000000")]
    [InlineData(-2, "0EFEFFFFFFFFFFFFFF")]
    [InlineData(-1, "FF")]
    public void Integer_AnySize_IsTheShortestEncoding(long value, string expected) => AssertWritten(expected, aml => aml.Integer((ulong)value));

    [Theory]
    [InlineData(@"\", "5C00")]
    [InlineData("", "00")]
    [InlineData("ABCD", "41424344")]
    [InlineData("_SB", "5F53425F")]
    [InlineData(@"\_SB.C000", "5C2E5F53425F43303030")]
    [InlineData("A.B.C", "2F03415F5F5F425F5F5F435F5F5F")]
    public void Path_AnyForm_HasItsPrefixes(string path, string expected) => AssertWritten(expected, aml => aml.Path(path));

    [Theory]
    [InlineData("COM10")]
    [InlineData("1COM")]
    [InlineData("com1")]
    [InlineData("A..B")]
    [InlineData("CÖM1")]
    [InlineData("A B")]
    [InlineData("^ABC")]
    public void Path_BadName_IsRefused(string path)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => new AmlWriter().Path(path));
        Assert.Contains(path, exception.Message);
    }

    [Fact]
    public void Path_256Names_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new AmlWriter().Path(string.Join('.', Enumerable.Repeat("ABCD", 256))));

    [Fact]
    public void Text_Ascii_EndsWithNul() => AssertWritten("0D414200", static aml => aml.Text("AB"));

    [Theory]
    [InlineData("a\0b", "U+0000")]
    [InlineData("ä", "U+00E4")]
    public void Text_OtherCharacters_IsRefused(string text, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => new AmlWriter().Text(text)).Message);

    [Fact]
    public void Buffer_AFewBytes_HasItsSize() => AssertWritten("11" + "05" + "0A02" + "DEAD", static aml => aml.Buffer([0xDE, 0xAD]));

    [Theory]
    [InlineData(0, "01")]
    [InlineData(62, "3F")] // 63
    [InlineData(63, "4104")] // 65: the second byte counts
    [InlineData(4093, "4FFF")] // 4095
    [InlineData(4094, "810001")] // 4097
    [InlineData((1 << 20) - 4, "8FFFFF")] // 1 MiB - 1
    [InlineData((1 << 20) - 3, "C1000001")] // 1 MiB + 1
    [InlineData((1 << 28) - 5, "CFFFFFFF")] // 256 MiB - 1
    public void PackageLength_SizesAtTheEdges_CountsItself(int content, string expected) =>
        Assert.Equal(expected, Convert.ToHexString(AmlWriter.PackageLength(content)));

    [Fact]
    public void PackageLength_OverTheGreatest_IsRefused() =>
        Assert.Contains("268435451", Assert.Throws<ArgumentException>(static () => AmlWriter.PackageLength((1 << 28) - 4)).Message);

    [Theory]
    [InlineData(58)]
    [InlineData(59)]
    [InlineData(4089)]
    [InlineData(4090)]
    [InlineData((1 << 20) - 8)]
    [InlineData((1 << 20) - 7)]
    public void Scope_SizesAtTheEdges_HasItsLengthBeforeIt(int more)
    {
        var aml = new AmlWriter();
        aml.Scope("ABCD", body => body.Text(new string('x', more - 2)));
        string length = Convert.ToHexString(AmlWriter.PackageLength(4 + more));
        Assert.Equal("10" + length + "41424344" + "0D78", Convert.ToHexString(aml.Written[..(1 + length.Length / 2 + 6)]));
        Assert.Equal(1 + length.Length / 2 + 4 + more, aml.Written.Length);
    }

    [Fact]
    public void Package_256Elements_IsRefused()
    {
        AcpiValue value = AcpiValue.Package([.. Enumerable.Repeat(AcpiValue.Of(1), 256)]);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => new AmlWriter().Value(value));
        Assert.Contains("256", exception.Message);
        Assert.Contains("255", exception.Message);
    }

    [Fact]
    public void Package_Empty_HasNoElements() => AssertWritten("120200", static aml => aml.Value(AcpiValue.Package()));

    [Fact]
    public void Package_ThatContainsItself_IsRefused()
    {
        var elements = new List<AcpiValue>();
        AcpiValue value = AcpiValue.Package(elements);
        elements.Add(value);
        Assert.Throws<ArgumentException>(() => new AmlWriter().Value(value));
    }

    [Fact]
    public void Value_Null_IsRefused() => Assert.Throws<ArgumentException>(static () => new AmlWriter().Value(AcpiValue.Package([null!])));

    [Fact]
    public void Device_WithAName_IsAnExtendedOpcode() =>
        AssertWritten("5B82" + "0B" + "41424344" + "08" + "5F554944" + "01", static aml => aml.Device("ABCD", static body => body.Name("_UID", static value => value.Integer(1))));

    [Fact]
    public void Method_WithNotify_HasItsFlags() =>
        AssertWritten("14" + "0D" + "5F453030" + "00" + "86" + "41424344" + "0A80", static aml => aml.Method("_E00", 0, static body => body.Notify("ABCD", 0x80)));

    [Fact]
    public void Method_EightArguments_IsRefused() => Assert.Throws<ArgumentException>(static () => new AmlWriter().Method("ABCD", 8, static _ => { }));

    [Theory]
    [InlineData("PNP0501", 0x0105D041)]
    [InlineData("PNP0C0A", 0x0A0CD041)]
    [InlineData("AAA0000", 0x00002104)]
    [InlineData("ZZZFFFF", 0xFFFF5A6B)]
    public void EisaId_WellFormed_IsCompressed(string id, uint expected) => Assert.Equal(expected, AmlNames.EisaId(id));

    [Theory]
    [InlineData("PNP050")]
    [InlineData("PNP05G1")]
    [InlineData("pnp0501")]
    [InlineData("QEMU0001")]
    public void EisaId_Malformed_IsRefused(string id) => Assert.Contains(id, Assert.Throws<ArgumentException>(() => AmlNames.EisaId(id)).Message);

    private static void AssertWritten(string expected, Action<AmlWriter> write)
    {
        var aml = new AmlWriter();
        write(aml);
        Assert.Equal(expected, Convert.ToHexString(aml.Written));
    }
}
