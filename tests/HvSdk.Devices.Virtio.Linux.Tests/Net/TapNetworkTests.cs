using System.Runtime.Versioning;
using HvSdk.Devices.Virtio.Linux.Interop;

namespace HvSdk.Devices.Virtio.Linux.Tests.Net;

/// <summary>Tap interfaces without a guest. Those with one are among the tests of Linux guests.</summary>
[SupportedOSPlatform("linux")]
public sealed class TapNetworkTests
{
    [Theory]
    [InlineData("")]
    [InlineData("sixteen-letters-")]
    [InlineData("with space")]
    [InlineData("a/b")]
    [InlineData("a:1")]
    [InlineData("..")]
    [InlineData("später")]
    public void Name_OfNoInterface_IsRefused(string name)
    {
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => TapNetwork.Open(name));

        Assert.Equal("name", refusal.ParamName);
        Assert.Contains("1 to 15 characters", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_OutOfRange_AreRefusedWithTheirName()
    {
        Assert.Equal("Queues", Refuse(new TapNetworkOptions { Queues = 0 }));
        Assert.Equal("Queues", Refuse(new TapNetworkOptions { Queues = 17 }));
        Assert.Equal("Offloads", Refuse(new TapNetworkOptions { Offloads = NetworkOffloads.TcpIPv4 }));
        Assert.Equal("Offloads", Refuse(new TapNetworkOptions { Offloads = (NetworkOffloads)64 }));

        static string? Refuse(TapNetworkOptions options) => Assert.Throws<ArgumentOutOfRangeException>(() => TapNetwork.Open("hvsdk", options)).ParamName;
    }

    [Fact]
    public void Open_OnAnyHost_WorksOrSaysWhatToDo()
    {
        try
        {
            using TapNetwork network = TapNetwork.Open("hvsdk%d");
            Assert.Matches("^hvsdk[0-9]+$", network.Name);
            IOException busy = Assert.ThrowsAny<IOException>(() => TapNetwork.Open(network.Name));
            Assert.Contains("in use", busy.Message, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            Assert.Contains("'", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Refusals_OfTheKernel_NameTheRemedy()
    {
        Assert.Contains("modprobe tun", Assert.IsType<IOException>(TunError.OfOpen(Tun.ENOENT)).Message, StringComparison.Ordinal);
        Assert.Contains("0666", Assert.IsType<UnauthorizedAccessException>(TunError.OfOpen(Tun.EACCES)).Message, StringComparison.Ordinal);
        Assert.Contains("CAP_NET_ADMIN", Assert.IsType<UnauthorizedAccessException>(TunError.OfAttach("a0", false, Tun.EPERM)).Message, StringComparison.Ordinal);
        Assert.Contains("ip tuntap add dev a0 mode tap multi_queue", TunError.OfAttach("a0", true, LibC.EINVAL).Message, StringComparison.Ordinal);
        Assert.Contains("in use", TunError.OfAttach("a0", false, Tun.EBUSY).Message, StringComparison.Ordinal);
        Assert.Contains(nameof(TapNetworkOptions.Queues), TunError.OfAttach("a0", true, Tun.E2BIG).Message, StringComparison.Ordinal);
        IOException other = Assert.IsType<IOException>(TunError.OfAttach("a0", false, Tun.EIO));
        Assert.Contains("TUNSETIFF of 'a0'", other.Message, StringComparison.Ordinal);
        Assert.Equal(Tun.EIO, other.HResult);
    }

    [Theory]
    [InlineData(FrameSegmentation.None, false)]
    [InlineData(FrameSegmentation.TcpIPv4, true)]
    [InlineData(FrameSegmentation.TcpIPv6, false)]
    public void Header_WrittenAndRead_IsTheSame(FrameSegmentation segmentation, bool hasNotification)
    {
        bool isCut = segmentation != FrameSegmentation.None;
        var offload = new FrameOffload
        {
            NeedsChecksum = true,
            ChecksumStart = 34,
            ChecksumOffset = 16,
            Segmentation = segmentation,
            HasCongestionNotification = hasNotification,
            SegmentSize = isCut ? (ushort)1448 : (ushort)0,
        };
        byte[] header = new byte[NetworkHeader.Length];

        NetworkHeader.Write(header, offload);

        Assert.True(NetworkHeader.TryRead(header, out FrameOffload read));
        Assert.Equal(offload, read);
    }

    [Fact]
    public void Header_OfAKindThatWasNotAskedFor_IsNotTaken()
    {
        byte[] header = new byte[NetworkHeader.Length];
        header[1] = 3; // VIRTIO_NET_HDR_GSO_UDP

        Assert.False(NetworkHeader.TryRead(header, out _));
    }
}
